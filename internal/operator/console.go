package operator

import (
	"fmt"
	"io"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// pageSize is how many rows are read, and revoked or deleted, at once.
const pageSize = 500

// Console is an operator's place of work: a store, and where to ask and tell.
type Console struct {
	Store storage.Store
	Out   io.Writer // what was asked for
	Err   io.Writer // what helps to ask again, such as the candidates of a name
	// JSON: for programs. Members' names do not change, times are RFC 3339 in UTC,
	// unknown ones are null, lists are arrays.
	JSON bool
	// Width is how many characters a line of the terminal has; 0 when there is no
	// terminal, and then nothing is cut.
	Width int
	// Confirm asks whether to do what the text says; an error means no.
	Confirm func(what string) error
	// Tell tells how far something long is. It is called often.
	Tell func(format string, args ...any)
	Now  func() time.Time // nil for time.Now
}

func (c *Console) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c *Console) tell(format string, args ...any) {
	if c.Tell != nil {
		c.Tell(format, args...)
	}
}

// done says what was done: a sentence for people, an object for programs.
func (c *Console) done(object any, format string, args ...any) error {
	if c.JSON {
		return writeJSON(c.Out, object)
	}
	_, err := fmt.Fprintf(c.Out, format+"\n", args...)
	return err
}

// number is a count with its noun.
func number(n int64, one, many string) string {
	switch n {
	case 0:
		return "no " + many
	case 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// connections is a count of grants, in the word that pages and tools have for them.
func connections(n int64) string { return number(n, "connection", "connections") }
