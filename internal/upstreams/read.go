package upstreams

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// longestFile bounds a configuration file.
const longestFile = 1 << 20

// Options are what a file's meaning depends on.
type Options struct {
	// Reserved are names that no upstream may have.
	Reserved []string
	// Variable returns a variable of the environment.
	Variable func(name string) (string, bool)
}

// Read reads a file. An error is an *Error.
func Read(path string, o Options) (File, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the operator's own path
	if err != nil {
		cause := errors.Unwrap(err)
		if cause == nil {
			cause = err
		}
		return File{}, position{}.errorf(setting.Shown(path), "", "the file cannot be read: %v", cause)
	}
	return Parse(path, content, o)
}

// Parse reads the content of a file. An error is an *Error.
func Parse(path string, content []byte, o Options) (File, error) {
	r := &reader{file: path, options: o}
	f := r.document(content)
	if r.err != nil {
		return File{}, r.err
	}
	f.Warnings = r.warnings
	return f, nil
}

// reader keeps the first error in the order of reading: what follows it is read, and means nothing.
type reader struct {
	file     string
	options  Options
	err      *Error
	warnings []Warning
}

func (r *reader) fail(n *yaml.Node, want, format string, args ...any) {
	if r.err == nil {
		r.err = positionOf(n).errorf(r.file, want, format, args...)
	}
}

func (r *reader) warn(n *yaml.Node, text string) {
	at := positionOf(n)
	r.warnings = append(r.warnings, Warning{File: r.file, Line: at.line, Column: at.column, Text: text})
}

const wantServers = "an object mcpServers with a server for each name"

func (r *reader) document(content []byte) (f File) {
	root := new(yaml.Node)
	if len(content) > longestFile {
		r.fail(root, "", "the file is larger than 1 MB")
		return f
	}
	if len(bytes.TrimSpace(content)) == 0 {
		r.fail(root, wantServers, "the file is empty")
		return f
	}
	if err := yaml.Load(asYAML(content), root); err != nil {
		r.err = syntaxError(r.file, err)
		return f
	}
	if len(root.Content) != 1 {
		r.fail(root, wantServers, "the file is empty")
		return f
	}
	found := false
	r.object(root.Content[0], wantServers, keys{"mcpServers": func(_, n *yaml.Node) {
		found = true
		f.Upstreams = r.servers(n)
	}})
	if !found {
		r.fail(root.Content[0], wantServers, "mcpServers is missing")
	}
	return f
}

// keys are the keys of an object, with what reads each value.
type keys map[string]func(key, value *yaml.Node)

// object reads an object. A key that it does not have is an error.
func (r *reader) object(n *yaml.Node, want string, known keys) {
	r.each(n, want, func(name string, key, value *yaml.Node) {
		if read := known[name]; read != nil {
			read(key, value)
			return
		}
		r.fail(key, listed(known), "%s is not known here", keyShown(name))
	})
}

// each reads the members of an object, in their order. A repeated key is an error.
func (r *reader) each(n *yaml.Node, want string, member func(name string, key, value *yaml.Node)) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		r.fail(n, want, "%s here", kindOf(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := resolved(key).Value
		switch {
		case resolved(key).Kind != yaml.ScalarNode:
			r.fail(key, "a name", "a key that is no text")
		case seen[name]:
			r.fail(key, "each key once", "%s is repeated", keyShown(name))
		default:
			seen[name] = true
			member(name, key, value)
		}
		if r.err != nil {
			return
		}
	}
}

// resolved follows an alias.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// keyShown is a key for a message. What does not look like one may be a value.
func keyShown(name string) string {
	const longest = 40
	if name == "" || len(name) > longest || strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-:.", c)
	}) {
		return "a key"
	}
	return name
}

func listed(known keys) string {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	return "one of " + strings.Join(names, ", ")
}

// kindOf says what a node is, without its value.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "an object"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
	default:
		return "something else"
	}
	switch n.Tag {
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	}
	return "a value of another type"
}
