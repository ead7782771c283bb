package upstreams

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// text reads a value with its variables in place, or from its file.
func (r *reader) text(n *yaml.Node, want string) string {
	n = resolved(n)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		r.fail(n, want, "%s here", kindOf(n))
		return ""
	}
	value := r.expanded(n)
	if _, isFile := setting.FilePath(value); !isFile {
		return value
	}
	content, err := setting.Secret(value)
	if err != nil {
		r.fail(n, "", "%v", err)
	}
	return content
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}?`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expanded replaces ${NAME} by the variable's value.
func (r *reader) expanded(n *yaml.Node) string {
	return variable.ReplaceAllStringFunc(n.Value, func(reference string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(reference, "${"), "}")
		if !strings.HasSuffix(reference, "}") || !variableName.MatchString(name) {
			r.fail(n, "${NAME} with the name of a variable", "a reference to a variable that is no name")
			return ""
		}
		value, ok := r.options.Variable(name)
		if !ok {
			r.fail(n, "a variable that is set", "the variable %s is missing", name)
		}
		return value
	})
}

// texts reads a list of values that are not empty.
func (r *reader) texts(n *yaml.Node, want string) []string {
	return r.list(n, want, func(entry *yaml.Node) string {
		text := setting.Trim(r.text(entry, want))
		if text == "" {
			r.fail(entry, want, "an empty value")
		}
		return text
	})
}

// list reads a list with a function for each of its values.
func (r *reader) list(n *yaml.Node, want string, read func(*yaml.Node) string) (list []string) {
	n = resolved(n)
	if n.Kind != yaml.SequenceNode {
		r.fail(n, want, "%s here", kindOf(n))
		return nil
	}
	for _, entry := range n.Content {
		list = append(list, read(entry))
	}
	return list
}

// flag reads true or false.
func (r *reader) flag(n *yaml.Node) bool {
	n = resolved(n)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		r.fail(n, "true or false", "%s here", kindOf(n))
	}
	return strings.EqualFold(n.Value, "true")
}

// count reads a whole number from 1 on.
func (r *reader) count(n *yaml.Node, most int) int {
	n = resolved(n)
	value, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || value < 1 || value > most {
		r.fail(n, "a whole number from 1 to "+strconv.Itoa(most), "not usable")
	}
	return value
}

// longestLimit bounds times: beyond it "none" is meant.
const longestLimit = 24 * time.Hour

// limit reads a time limit, 0 for none where that is accepted.
func (r *reader) limit(n *yaml.Node, orNone bool) time.Duration {
	want := "a duration such as 30s or 10m, up to 24h"
	if orNone {
		want += ", or none"
	}
	text := setting.Trim(r.text(n, want))
	if orNone && text == "none" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Millisecond || d > longestLimit {
		r.fail(n, want, "not usable")
		return 0
	}
	return d
}

var sizeForm = regexp.MustCompile(`^([0-9]{1,9}) ?(|B|KB|MB|GB)$`)

const largestBody = 1 << 30

// size reads a number of bytes, such as 4MB.
func (r *reader) size(n *yaml.Node) int {
	return int(r.sizeIn(n, 1<<10, largestBody, "a size such as 512KB or 4MB, from 1KB to 1GB"))
}

// sizeIn reads a number of bytes within bounds.
func (r *reader) sizeIn(n *yaml.Node, least, most int64, want string) int64 {
	n = resolved(n)
	text := n.Value
	if n.Tag != "!!int" {
		text = setting.Trim(r.text(n, want))
	}
	parts := sizeForm.FindStringSubmatch(text)
	if parts == nil {
		r.fail(n, want, "not usable")
		return 0
	}
	count, _ := strconv.ParseInt(parts[1], 10, 64)
	unit := map[string]int64{"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}[parts[2]]
	if count*unit < least || count*unit > most { // nine digits and 1 GB fit
		r.fail(n, want, "out of range")
		return 0
	}
	return count * unit
}

// longestTitle fits into the heading of a page.
const longestTitle = 60

// title reads words for a page.
func (r *reader) title(n *yaml.Node, longest int) string {
	want := "up to " + strconv.Itoa(longest) + " printable characters"
	text := setting.Trim(r.text(n, want))
	switch {
	case text == "":
		r.fail(n, want, "an empty value")
	case utf8.RuneCountInString(text) > longest:
		r.fail(n, want, "too long")
	case strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }):
		r.fail(n, want, "a character that is not printable")
	}
	return text
}

// choice reads one of some words.
func (r *reader) choice(n *yaml.Node, words ...string) string {
	want := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	text := setting.Trim(r.text(n, want))
	for _, word := range words {
		if text == word {
			return word
		}
	}
	r.fail(n, want, "not known")
	return ""
}

var errHeader = errors.New("not usable in a header")

// headerValue is a value as a header may have it (RFC 9110 §5.5).
func headerValue(text string) (string, error) {
	text = setting.Trim(text)
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == 0x7f {
			return "", errHeader
		}
	}
	return text, nil
}
