package console

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Format is how events are printed.
type Format string

// The formats.
const (
	FormatTable Format = "table"
	FormatJSON  Format = "json"  // an array
	FormatJSONL Format = "jsonl" // an object per line, with the number
	FormatCSV   Format = "csv"
)

// eventWriter prints events.
type eventWriter interface {
	add(e storage.NumberedEvent) error
	flush() error
	end() error
}

func newEventWriter(out *bufio.Writer, f Format) eventWriter {
	switch f {
	case FormatJSONL:
		return plainEvents(func(e storage.NumberedEvent) error {
			return WriteJSON(out, numberedJSON{Number: e.Number, eventJSON: eventObject(e.Event)})
		})
	case FormatCSV:
		return &csvEvents{out: csv.NewWriter(out)}
	case FormatJSON:
		return &arrayEvents{array{out: out}}
	case FormatTable:
	}
	return plainEvents(func(e storage.NumberedEvent) error {
		_, err := fmt.Fprintln(out, eventLine(e.Event))
		return err
	})
}

// numberedJSON is an event of an export.
type numberedJSON struct {
	Number int64 `json:"number"`
	eventJSON
}

// plainEvents prints events one by one, without anything around them.
type plainEvents func(storage.NumberedEvent) error

func (p plainEvents) add(e storage.NumberedEvent) error { return p(e) }
func (plainEvents) flush() error                        { return nil }
func (plainEvents) end() error                          { return nil }

// arrayEvents is an array of the objects that a listing has.
type arrayEvents struct{ array }

func (a *arrayEvents) add(e storage.NumberedEvent) error { return a.array.add(eventObject(e.Event)) }
func (*arrayEvents) flush() error                        { return nil }

// csvEvents is RFC 4180 with a line break of one byte, and a header.
type csvEvents struct {
	out   *csv.Writer
	began bool
}

// csvHeader names the columns as the members of a JSON object.
var csvHeader = []string{"number", "event_id", "at", "type", "actor", "user_id", "client_id", "grant_id", "reference", "detail", "account"}

func (c *csvEvents) add(e storage.NumberedEvent) error {
	if err := c.begin(); err != nil {
		return err
	}
	at := ""
	if t := JSONTime(e.At); t != nil {
		at = t.Format(time.RFC3339)
	}
	row := []string{
		strconv.FormatInt(e.Number, 10), e.ID, at, string(e.Type), e.Actor, e.UserID, e.ClientID, e.GrantID, e.Reference, e.Detail,
		accountText(e.Account),
	}
	for i, cell := range row {
		row[i] = onOneLine(cell)
	}
	return c.out.Write(row)
}

func (c *csvEvents) begin() error {
	if c.began {
		return nil
	}
	c.began = true
	return c.out.Write(csvHeader)
}

func (c *csvEvents) flush() error {
	c.out.Flush()
	return c.out.Error()
}

func (c *csvEvents) end() error {
	if err := c.begin(); err != nil {
		return err
	}
	return c.flush()
}

// onOneLine escapes the characters of a text that end lines, or that terminals interpret, as
// JSON does: each row is one line.
func onOneLine(text string) string {
	odd := func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }
	if strings.IndexFunc(text, odd) < 0 {
		return text
	}
	var out []byte
	for _, r := range text {
		if odd(r) {
			out = appendEscape(out, r)
			continue
		}
		out = append(out, string(r)...)
	}
	return string(out)
}
