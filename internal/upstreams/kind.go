package upstreams

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// member is a member of an object.
type member struct{ key, value *yaml.Node }

type members map[string]member

// Keys that mean nothing for servers of the other kind.
var (
	ofCommands = []string{"args", "env", "cwd", "process", "limits", "user"}
	ofURLs     = []string{"headers", "forward_headers", "ca", "identity", "audience", "provider_token"}
)

// Words for how a server is reached.
var (
	wordsHTTP  = []string{"http", "streamable-http", "streamableHttp", "streamable_http"}
	wordsStdio = []string{"stdio"}
)

// transport reads how a server is reached; fits compares it with the entry.
func (r *reader) transport(_, n *yaml.Node) { r.choice(n, slices.Concat(wordsHTTP, wordsStdio)...) }

// fits checks that a server is reached as its entry says, and that its keys fit its kind.
func (r *reader) fits(given members, kind string, words, others []string) {
	for _, name := range []string{"type", "transport"} {
		if m, ok := given[name]; ok && !slices.Contains(words, r.text(m.value, "")) {
			r.fail(m.value, strings.Join(words, ", "), "the server has a %s", kind)
		}
	}
	for _, name := range others {
		if m, ok := given[name]; ok {
			r.fail(m.key, "", "%s has no meaning for a server with a %s", name, kind)
		}
	}
}

// checkURL compares an entry that has no command with itself.
func (r *reader) checkURL(key *yaml.Node, given members) {
	if _, ok := given["url"]; !ok {
		r.fail(key, "url or command", "neither url nor command")
	}
	r.fits(given, "url", wordsHTTP, ofCommands)
}

// checkCommand compares an entry that has a command with itself. An enabled one has to be there.
func (r *reader) checkCommand(given members, c *Command, enabled bool) {
	if _, ok := given["url"]; ok {
		r.fail(given["command"].key, "url or command, not both", "the server has a url as well")
	}
	r.fits(given, "command", wordsStdio, ofURLs)
	if m, ok := memberOf(given["timeout"].value, "connect"); ok {
		r.fail(m.key, "start in limits", "connect has no meaning for a server with a command")
	}
	limits := given["limits"].value
	if c.Process == ProcessShared {
		for _, name := range []string{"processes", "per_person"} {
			if m, ok := memberOf(limits, name); ok {
				r.fail(m.key, "", "%s has no meaning with process: shared", name)
			}
		}
	}
	if m, ok := memberOf(limits, "per_person"); ok && c.Limits.PerPerson > c.Limits.Processes {
		r.fail(m.value, "at most as many as processes", "more for one user than for all")
	}
	if r.err == nil && enabled {
		if err := c.Check(); err != nil {
			r.fail(given["command"].value, "", "%v", err)
		}
	}
}

// memberOf finds a member of an object.
func memberOf(n *yaml.Node, name string) (member, bool) {
	if n == nil {
		return member{}, false
	}
	n = resolved(n)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if resolved(n.Content[i]).Value == name {
			return member{n.Content[i], n.Content[i+1]}, true
		}
	}
	return member{}, false
}
