package console

import (
	"fmt"
	"io"
	"time"
)

// pageSize is the number of rows that are read, revoked or deleted together.
const pageSize = 500

// Console runs administrators' commands on a store.
type Console struct {
	Store Store
	Out   io.Writer // results
	Err   io.Writer // hints, such as the candidates of an ambiguous name
	// JSON prints results for programs. Member names are stable, times are RFC 3339 in
	// UTC or null if unknown, lists are arrays.
	JSON bool
	// Width is the width of the terminal in characters; 0 without a terminal, when
	// nothing is cut.
	Width int
	// Confirm asks whether to do what the text describes; an error means no.
	Confirm func(what string) error
	// Progress reports the progress of long operations. It is called often.
	Progress func(format string, args ...any)
	Now      func() time.Time // nil for time.Now
}

func (c *Console) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c *Console) progress(format string, args ...any) {
	if c.Progress != nil {
		c.Progress(format, args...)
	}
}

// done prints a result: a sentence, or an object in JSON.
func (c *Console) done(object any, format string, args ...any) error {
	if c.JSON {
		return WriteJSON(c.Out, object)
	}
	_, err := fmt.Fprintf(c.Out, format+"\n", args...)
	return err
}

// number returns a count with its noun.
func number(n int64, one, many string) string {
	switch n {
	case 0:
		return "no " + many
	case 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// connections returns a count of grants, in the word that pages and tools use.
func connections(n int64) string { return number(n, "connection", "connections") }
