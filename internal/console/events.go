package console

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// eventJSON is an entry of the audit trail in JSON.
type eventJSON struct {
	EventID   string            `json:"event_id"`
	At        *time.Time        `json:"at"`
	Type      storage.EventType `json:"type"`
	Actor     string            `json:"actor"`
	UserID    string            `json:"user_id"`
	ClientID  string            `json:"client_id"`
	GrantID   string            `json:"grant_id"`
	Reference string            `json:"reference"`
	Detail    string            `json:"detail"`
	Account   *accountJSON      `json:"account"` // who was refused, null for other events
}

func eventObject(e storage.Event) eventJSON {
	return eventJSON{
		EventID: e.ID, At: JSONTime(e.At), Type: e.Type, Actor: e.Actor, UserID: e.UserID, ClientID: e.ClientID,
		GrantID: e.GrantID, Reference: e.Reference, Detail: e.Detail, Account: accountObject(e.Account),
	}
}

// eventLine formats an entry as one line.
func eventLine(e storage.Event) string {
	parts := []string{Time(e.At), fmt.Sprintf("%-20s", e.Type), "by " + shown(e.Actor)}
	for _, part := range [][2]string{
		{"user", e.UserID}, {"account", accountText(e.Account)}, {"client", e.ClientID}, {"grant", e.GrantID}, {"reference", e.Reference}, {"detail", e.Detail},
	} {
		if v := shown(part[1]); v != "" {
			parts = append(parts, part[0]+"="+quoted(v))
		}
	}
	return strings.Join(parts, "  ")
}

// quoted quotes values with spaces.
func quoted(s string) string {
	if strings.ContainsAny(s, " \"") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// Watch selects entries of the audit trail.
type Watch struct {
	Type   storage.EventType
	User   string // see Console.person
	Client string // client id
	Grant  string // grant id
	Since  Moment // at or after it
	Until  Moment // before it
	After  string // in the order of numbers, those after the event with this ID or number
	Format Format // "" as Console.JSON says; FormatJSONL and FormatCSV have the order of numbers too
	Limit  int    // the newest ones, or by number the first ones; 0 for all
	Follow bool   // keep printing new entries
}

// Events prints entries of the audit trail, oldest first. In JSON they are an array, or
// one object per line when following.
func (c *Console) Events(ctx context.Context, w Watch) error {
	f := watched{EventFilter: storage.EventFilter{Type: w.Type, ClientID: w.Client, GrantID: w.Grant}}
	f.Since, f.Until = w.Since.from(c.now()), w.Until.from(c.now())
	if err := c.eventsOf(ctx, &f, w.User); err != nil {
		return err
	}
	switch {
	case w.Follow:
		return c.follow(ctx, f, w.Limit)
	case w.After != "" || w.Format == FormatJSONL || w.Format == FormatCSV:
		return c.export(ctx, f, w)
	}
	if !c.JSON {
		return c.listEvents(ctx, f, w.Limit)
	}
	list := array{out: c.Out}
	if err := c.eachEvent(ctx, f, w.Limit, func(e storage.Event) error { return list.add(eventObject(e)) }); err != nil {
		return err
	}
	return list.end()
}

// listEvents prints entries as lines. Scripts may count the lines, so the notice that
// there are none goes to stderr.
func (c *Console) listEvents(ctx context.Context, f watched, limit int) error {
	found := false
	err := c.eachEvent(ctx, f, limit, func(e storage.Event) error {
		found = true
		return c.printEvent(e)
	})
	if err == nil && !found {
		_, err = fmt.Fprintln(c.Err, "No matching events.")
	}
	return err
}

func (c *Console) printEvent(e storage.Event) error {
	if c.JSON {
		return WriteJSON(c.Out, eventObject(e))
	}
	_, err := fmt.Fprintln(c.Out, eventLine(e))
	return err
}

const (
	// lateness is how long after the time in its id an entry may become visible: its
	// transaction takes some seconds, and its server's clock may be slow.
	lateness = time.Minute
	// followEvery is the interval of polls.
	followEvery = 500 * time.Millisecond
)

// follow prints existing entries and then new ones, until the context ends. Entries are
// ordered by the clocks of their servers but become visible when their transactions
// commit, so one may appear before another that was already printed: each poll re-reads
// the last minute and skips what was printed.
func (c *Console) follow(ctx context.Context, f watched, limit int) error {
	w := &follower{console: c, filter: f, known: map[string]bool{}}
	if err := w.begin(ctx, limit); err != nil {
		return err
	}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(followEvery):
		}
		if err := w.look(ctx, c.printEvent); err != nil && ctx.Err() == nil {
			if !errors.Is(err, storage.ErrUnavailable) {
				return err
			}
			c.progress("the database does not respond; retrying")
		}
	}
	return nil
}

// follower remembers the entries since the time from which it polls.
type follower struct {
	console *Console
	filter  watched
	from    string          // an id
	known   map[string]bool // ids from there on
}

// begin prints the newest entries. Older ones count as known without being printed; an
// entry that appears in between is one or the other.
func (w *follower) begin(ctx context.Context, limit int) error {
	if err := w.advance(ctx); err != nil {
		return err
	}
	if err := w.look(ctx, func(storage.Event) error { return nil }); err != nil {
		return err
	}
	return w.console.eachEvent(ctx, w.filter, limit, func(e storage.Event) error {
		if e.ID >= w.from { // older ones are not read again
			w.known[e.ID] = true
		}
		return w.console.printEvent(e)
	})
}

// look visits new entries, and then advances the time from which it polls. If reading
// fails, that time stays.
func (w *follower) look(ctx context.Context, visit func(storage.Event) error) error {
	next, err := w.horizon(ctx)
	if err != nil {
		return err
	}
	err = w.console.eachAfter(ctx, w.filter, w.from, func(e storage.Event) error {
		if w.known[e.ID] {
			return nil
		}
		w.known[e.ID] = true
		return visit(e)
	})
	if err == nil {
		w.move(next)
	}
	return err
}

func (w *follower) advance(ctx context.Context) error {
	next, err := w.horizon(ctx)
	w.move(next)
	return err
}

func (w *follower) move(to string) {
	w.from = max(w.from, to) // moving back would print forgotten entries again
	for id := range w.known {
		if id < w.from {
			delete(w.known, id)
		}
	}
}

// horizon returns the id before which no new entry is expected: some time before the
// newest entry or before now, whichever is earlier, since the clock of this machine or
// of a server may be fast.
func (w *follower) horizon(ctx context.Context) (string, error) {
	at := w.console.now()
	newest, err := w.console.Store.NewestEvents(ctx, storage.EventFilter{}, 1)
	if err != nil {
		return "", err
	}
	for _, e := range newest {
		if made, ok := storage.EventIDTime(e.ID); ok && made.Before(at) {
			at = made
		}
	}
	return storage.FirstEventID(at.Add(-lateness)), nil
}
