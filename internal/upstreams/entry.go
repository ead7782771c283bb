package upstreams

import (
	"crypto/x509"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
)

// nameForm is what a path and a log line show as it is.
var nameForm = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)

// servers reads the entries of mcpServers.
func (r *reader) servers(n *yaml.Node) (list []Upstream) {
	r.each(n, "an object with a server for each name", func(name string, key, value *yaml.Node) {
		switch {
		case !nameForm.MatchString(name):
			r.fail(key, "1 to 20 of the characters a-z, 0-9 and -", "the name of a server is not usable")
		case slices.Contains(r.options.Reserved, name):
			r.fail(key, "another name", "/%s is a path of mcpkeep itself", name)
		default:
			if u, enabled := r.server(name, key, value); enabled {
				list = append(list, u)
			}
		}
	})
	if len(list) == 0 {
		r.fail(n, "at least one server", "no server is enabled")
	}
	return list
}

// ofClients are keys of clients' files that mean nothing here.
var ofClients = []string{"alwaysAllow", "autoApprove", "description", "disabledTools", "gallery", "trust"}

// server reads an entry. A disabled one is checked as well.
func (r *reader) server(name string, key, n *yaml.Node) (u Upstream, enabled bool) {
	u = withDefaults(name)
	enabled = true
	command := &Command{Process: ProcessSession, Limits: defaultLimits()}
	var identity string
	given := members{}
	known := r.httpKeys(&u, &identity)
	maps.Copy(known, r.commandKeys(command))
	known["disabled"] = func(_, v *yaml.Node) { enabled = !r.flag(v) }
	known["type"], known["transport"] = r.transport, r.transport
	accepted := maps.Clone(known)
	for _, name := range ofClients {
		known[name] = func(key, _ *yaml.Node) { r.warn(key, name+" is a setting of clients and has no effect here") }
	}
	r.each(n, "an object with a url or a command", func(name string, key, value *yaml.Node) {
		if read := known[name]; read != nil {
			given[name] = member{key, value}
			read(key, value)
			return
		}
		r.fail(key, listed(accepted), "%s is not known here", keyShown(name))
	})
	r.checkScopes(u)
	if _, ok := given["command"]; ok {
		u.Command = command
		r.checkCommand(given, command, enabled)
		return u, enabled
	}
	if r.checkURL(key, given); u.Target.URL == nil {
		return u, enabled
	}
	r.checkLending(given, &u)
	u.identify(identity)
	return u, enabled
}

// httpKeys are the keys of an upstream with a URL.
func (r *reader) httpKeys(u *Upstream, identity *string) keys {
	const address = "the address of an MCP endpoint"
	return keys{
		"url": func(_, n *yaml.Node) {
			text := strings.TrimSpace(r.text(n, address))
			target, err := gateway.ParseTarget(text)
			if err != nil {
				r.fail(n, gateway.WantTarget, "%v", err)
			}
			if written := strings.TrimSpace(resolved(n).Value); written != text {
				target.Shown = written // values of variables and files are not for messages
			}
			u.Target = target
		},
		"title":           func(_, n *yaml.Node) { u.Title = r.title(n, longestTitle) },
		"headers":         func(_, n *yaml.Node) { u.Headers = r.headers(n) },
		"forward_headers": func(_, n *yaml.Node) { u.ForwardHeaders = r.forwardHeaders(n) },
		"ca":              func(_, n *yaml.Node) { u.CA = r.authorities(n) },
		"identity":        func(_, n *yaml.Node) { *identity = r.choice(n, "headers", "assertion", "both", "none") },
		"provider_token":  func(_, n *yaml.Node) { u.ProviderToken = r.providerToken(n) },
		"audience":        func(_, n *yaml.Node) { u.Audience = r.audience(n) },
		"scopes":          func(_, n *yaml.Node) { u.Scopes = r.scopes(n) },
		"allow":           func(_, n *yaml.Node) { u.Allow = r.allow(n) },
		"rules":           func(_, n *yaml.Node) { u.Rules = r.rules(n) },
		"timeout":         func(key, n *yaml.Node) { r.timeout(key, n, u) },
		"max_body":        func(_, n *yaml.Node) { u.MaxBody = r.size(n) },
		"max_concurrent":  func(_, n *yaml.Node) { u.MaxConcurrent = r.count(n, 100_000) },
	}
}

// timeout reads the time limits. Clients have a number here.
func (r *reader) timeout(key, n *yaml.Node, u *Upstream) {
	if value := resolved(n); value.Tag == "!!int" || value.Tag == "!!float" {
		r.warn(key, "a number as timeout is a setting of clients and has no effect here; write timeout: {answer: 10m}")
		return
	}
	r.object(n, "an object with connect, answer or idle", keys{
		"connect": func(_, n *yaml.Node) { u.Connect = r.limit(n, false) },
		"answer":  func(_, n *yaml.Node) { u.Answer = r.limit(n, true) },
		"idle":    func(_, n *yaml.Node) { u.Idle = r.limit(n, true) },
	})
}

// allow reads who may enter. Lists that are all empty are a mistake: they look as if no one may.
func (r *reader) allow(n *yaml.Node) Allow {
	a := Allow{file: r.file, at: positionOf(n)}
	r.object(n, "an object with groups, users or domains", keys{
		"groups":  func(_, n *yaml.Node) { a.Groups = r.texts(n, "a list of groups") },
		"users":   func(_, n *yaml.Node) { a.Users = r.texts(n, "a list of users") },
		"domains": func(_, n *yaml.Node) { a.Domains = r.texts(n, "a list of domains") },
	})
	if a.Empty() {
		r.fail(n, "at least one entry, or no allow at all", "allow lists no one")
	}
	return a
}

// scopeForm is a scope token (RFC 6749 §3.3) that needs no escaping in any place.
var scopeForm = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,64}$`)

// scopes reads what clients may ask for, with descriptions.
func (r *reader) scopes(n *yaml.Node) (list []Scope) {
	r.each(n, "an object with a description for each scope", func(name string, key, value *yaml.Node) {
		switch {
		case !scopeForm.MatchString(name):
			r.fail(key, "up to 64 letters, digits and the characters . _ : / -", "the name of a scope is not usable")
		case name == "mcp" || strings.HasPrefix(name, "mcp:") || name == "offline_access" || name == "openid":
			r.fail(key, "another name", "the scope %s has a meaning of its own", name)
		}
		const longest = 120
		list = append(list, Scope{Name: name, Description: r.title(value, longest)})
	})
	return list
}

// authorities reads the certificates of a CA.
func (r *reader) authorities(n *yaml.Node) *x509.CertPool {
	const want = "certificates in PEM, or file:PATH of a file that contains them"
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(r.text(n, want))) {
		r.fail(n, want, "no certificate")
	}
	return pool
}

// headers reads the headers that are sent with each request.
func (r *reader) headers(n *yaml.Node) http.Header {
	list := http.Header{}
	r.each(n, "an object with a value for each header", func(name string, key, value *yaml.Node) {
		canonical := http.CanonicalHeaderKey(name)
		if !gateway.MaySend(canonical) {
			r.fail(key, "a header that mcpkeep does not set itself", "%s cannot be set here", keyShown(name))
		}
		if list[canonical] != nil {
			r.fail(key, "each header once", "%s is repeated", keyShown(name))
		}
		text, err := headerValue(r.text(value, "text"))
		if err != nil || text == "" {
			r.fail(value, "printable text", "the value cannot be sent")
		}
		list[canonical] = []string{text}
	})
	return list
}

// forwardHeaders reads which other headers of clients cross.
func (r *reader) forwardHeaders(n *yaml.Node) []string {
	const want = "a list of headers without credentials, cookies and what proxies say"
	list := r.texts(n, want)
	for i, name := range list {
		list[i] = http.CanonicalHeaderKey(name)
		if !gateway.MayForward(list[i]) {
			r.fail(resolved(n).Content[i], want, "%s cannot be forwarded", keyShown(name))
		}
	}
	return list
}
