package upstreams

import (
	"errors"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/mcpkeep/mcpkeep/internal/process"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// ofCaller are variables that mcpkeep sets.
var ofCaller = regexp.MustCompile(`^MCPKEEP_(USER|EMAIL|NAME|GROUPS|CLIENT)$`)

// program reads a command: a path, or a name to find in PATH.
func (r *reader) program(n *yaml.Node, c *Command) string {
	const want = "a program; its arguments belong in args"
	text := setting.Trim(r.word(n, want))
	c.Unnamed = c.Unnamed || text != resolved(n).Value
	if text == "" {
		r.fail(n, want, "an empty value")
	}
	return text
}

// word reads a text that may be empty. A file:// URL stands for itself.
func (r *reader) word(n *yaml.Node, want string) string {
	n = resolved(n)
	read := func() string { return r.text(n, want) }
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.HasPrefix(setting.Trim(n.Value), "file://") {
		read = func() string { return r.expanded(n) }
	}
	text := read()
	if strings.ContainsRune(text, 0) {
		r.fail(n, want, "a character that no program can get")
	}
	return text
}

// wantWord says what a number without quotes should be.
const wantWord = "text, such as \"8080\" in quotes"

// arguments reads a list of texts.
func (r *reader) arguments(n *yaml.Node) []string {
	return r.list(n, "a list of texts", func(entry *yaml.Node) string { return r.word(entry, wantWord) })
}

// environment reads variables.
func (r *reader) environment(n *yaml.Node) map[string]string {
	values := map[string]string{}
	r.each(n, "an object with a value for each variable", func(name string, key, value *yaml.Node) {
		switch {
		case !variableName.MatchString(name):
			r.fail(key, "letters, digits and _", "the name of a variable is not usable")
		case ofCaller.MatchString(name):
			r.fail(key, "another name", "mcpkeep sets %s itself", name)
		}
		values[name] = r.word(value, wantWord)
	})
	return values
}

// folder reads the working directory.
func (r *reader) folder(n *yaml.Node, c *Command) string {
	const want = "the absolute path of a directory"
	text := setting.Trim(r.text(n, want))
	c.Unnamed = c.Unnamed || text != resolved(n).Value
	if !filepath.IsAbs(text) {
		r.fail(n, want, "not an absolute path")
	}
	return text
}

var numbers = regexp.MustCompile(`^([0-9]{1,10}):([0-9]{1,10})$`)

// user reads a user of the system: a name, or the numbers of user and group.
func (r *reader) user(n *yaml.Node) *process.Credential {
	const want = "the name of a user of this machine, or UID:GID"
	text := setting.Trim(r.text(n, want))
	if parts := numbers.FindStringSubmatch(text); parts != nil {
		uid, err := strconv.ParseUint(parts[1], 10, 32)
		gid, err2 := strconv.ParseUint(parts[2], 10, 32)
		if errors.Join(err, err2) != nil {
			r.fail(n, want, "out of range")
		}
		return &process.Credential{UID: uint32(uid), GID: uint32(gid), Home: "/", Name: parts[1]}
	}
	known, err := user.Lookup(text)
	if err != nil {
		r.fail(n, want, "no such user")
		return nil
	}
	c := &process.Credential{Home: known.HomeDir, Name: known.Username}
	c.UID, c.GID = number(known.Uid), number(known.Gid)
	groups, _ := known.GroupIds() // without them, the user's own group is what is left
	for _, id := range groups {
		c.Groups = append(c.Groups, number(id))
	}
	return c
}

func number(id string) uint32 {
	value, _ := strconv.ParseUint(id, 10, 32) // the system's own numbers
	return uint32(value)
}
