package upstreams

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Error is what is wrong with a file, and where.
type Error struct {
	File         string
	Line, Column int // from 1
	Problem      string
	Want         string // what is accepted; "" when Problem says it
}

// Error returns one line: FILE:LINE:COLUMN: what is wrong, what is accepted.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Problem)
	if e.Want != "" {
		text += "; want " + e.Want
	}
	return text
}

// Warning is what a file says without effect.
type Warning struct {
	File         string
	Line, Column int
	Text         string
}

// String is one line, as of an error.
func (w Warning) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", w.File, w.Line, w.Column, w.Text)
}

// position is a place in a file.
type position struct{ line, column int }

func positionOf(n *yaml.Node) position { return position{max(n.Line, 1), max(n.Column, 1)} }

func (p position) errorf(file, want, format string, args ...any) *Error {
	return &Error{File: file, Line: max(p.line, 1), Column: max(p.column, 1), Want: want, Problem: fmt.Sprintf(format, args...)}
}

// quoted is what the parser repeats of a file.
var quoted = regexp.MustCompile(` ?['"` + "`" + `][^'"` + "`" + `]*['"` + "`" + `]?`)

// syntaxError is what the parser says, without what it repeats of the file.
func syntaxError(file string, err error) *Error {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return position{}.errorf(file, "YAML or JSON", "not valid YAML")
	}
	text := load.Message
	if load.ContextMsg != "" {
		text += ", " + load.ContextMsg
	}
	text = strings.TrimPrefix(quoted.ReplaceAllString(text, ""), "yaml: ")
	return position{load.Mark.Line, load.Mark.Column}.errorf(file, "YAML or JSON", "not valid YAML: %s", text)
}
