package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// eventJSON is an entry of the audit trail for programs.
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
}

func eventObject(e storage.Event) eventJSON {
	return eventJSON{
		EventID: e.ID, At: timeOrNull(e.At), Type: e.Type, Actor: e.Actor, UserID: e.UserID, ClientID: e.ClientID,
		GrantID: e.GrantID, Reference: e.Reference, Detail: e.Detail,
	}
}

// eventLine is an entry for people: what there is of it, in one line.
func eventLine(e storage.Event) string {
	parts := []string{e.At.UTC().Format("2006-01-02 15:04:05Z"), fmt.Sprintf("%-20s", e.Type), "by " + shown(e.Actor)}
	for _, part := range [][2]string{
		{"user", e.UserID}, {"client", e.ClientID}, {"grant", e.GrantID}, {"reference", e.Reference}, {"detail", e.Detail},
	} {
		if v := shown(part[1]); v != "" {
			parts = append(parts, part[0]+"="+quoted(v))
		}
	}
	return strings.Join(parts, "  ")
}

// quoted quotes what has spaces.
func quoted(s string) string {
	if strings.ContainsAny(s, " \"") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// Watch says which entries of the audit trail to show.
type Watch struct {
	Type   storage.EventType
	User   string        // see Console.person
	Client string        // client id
	Grant  string        // grant id
	Since  time.Duration // how far back; 0 for everything
	Limit  int           // the newest ones; 0 for all
	Follow bool          // go on with what happens from now on
}

// Events shows entries of the audit trail, the oldest first. In JSON they are an
// array, or, when it follows, one object a line.
func (c *Console) Events(ctx context.Context, w Watch) error {
	f := storage.EventFilter{Type: w.Type, ClientID: w.Client, GrantID: w.Grant}
	if w.User != "" {
		who, err := c.eventsPerson(ctx, w.User)
		if err != nil {
			return err
		}
		f.UserID = who
	}
	if w.Since > 0 {
		f.Since = c.now().Add(-w.Since)
	}
	if w.Follow {
		return c.follow(ctx, f, w.Limit)
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

// listEvents shows entries for people. That there are none is no line of the trail,
// which may be counted, and so it is said apart.
func (c *Console) listEvents(ctx context.Context, f storage.EventFilter, limit int) error {
	found := false
	err := c.eachEvent(ctx, f, limit, func(e storage.Event) error {
		found = true
		return c.printEvent(e)
	})
	if err == nil && !found {
		_, err = fmt.Fprintln(c.Err, "No such event is on record.")
	}
	return err
}

// eventsPerson finds a person by name, and takes an id as it is: the trail outlives
// the people in it.
func (c *Console) eventsPerson(ctx context.Context, name string) (id string, err error) {
	if IsUserID(name) {
		return name, nil
	}
	u, err := c.person(ctx, name)
	return u.User.ID, err
}

// eachEvent visits the newest entries, or all when there is no limit.
func (c *Console) eachEvent(ctx context.Context, f storage.EventFilter, limit int, visit func(storage.Event) error) error {
	if limit == 0 {
		return each(ctx, func(ctx context.Context, after string, limit int) ([]storage.Event, error) {
			return c.Store.ListEvents(ctx, f, after, limit)
		}, func(e storage.Event) string { return e.ID }, visit)
	}
	events, err := c.Store.NewestEvents(ctx, f, limit)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *Console) printEvent(e storage.Event) error {
	if c.JSON {
		return writeJSON(c.Out, eventObject(e))
	}
	_, err := fmt.Fprintln(c.Out, eventLine(e))
	return err
}

const (
	// lateness is how much later than its id says an entry may be seen: its
	// transaction takes up to some seconds, and its server's clock may be behind.
	lateness = time.Minute
	// followEvery is how often a follower looks.
	followEvery = 500 * time.Millisecond
)

// follow shows what there is and then what comes, until the context ends. Entries
// are ordered by the clocks of the servers that made them and seen when their
// transactions commit, so that one may appear before another that was shown already:
// the last minute is read again each time, and what was shown is left out.
func (c *Console) follow(ctx context.Context, f storage.EventFilter, limit int) error {
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
			c.tell("the database does not answer; still trying")
		}
	}
	return nil
}

// follower remembers what it knows of the time from which it looks.
type follower struct {
	console *Console
	filter  storage.EventFilter
	from    string          // an id
	known   map[string]bool // ids from there on
}

// begin shows the newest entries. What was there before that is known, though it
// may not be shown; what comes in between is one or the other.
func (w *follower) begin(ctx context.Context, limit int) error {
	if err := w.advance(ctx); err != nil {
		return err
	}
	if err := w.look(ctx, func(storage.Event) error { return nil }); err != nil {
		return err
	}
	return w.console.eachEvent(ctx, w.filter, limit, func(e storage.Event) error {
		if e.ID >= w.from { // what is older will not be met again
			w.known[e.ID] = true
		}
		return w.console.printEvent(e)
	})
}

// look visits what is new, and then moves the time from which it looks. Until it has
// read everything that time stays, also through an outage.
func (w *follower) look(ctx context.Context, visit func(storage.Event) error) error {
	next, err := w.horizon(ctx)
	if err != nil {
		return err
	}
	err = each(ctx, func(ctx context.Context, after string, limit int) ([]storage.Event, error) {
		return w.console.Store.ListEvents(ctx, w.filter, max(after, w.from), limit)
	}, func(e storage.Event) string { return e.ID }, func(e storage.Event) error {
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
	w.from = max(w.from, to) // back, it would meet what it has forgotten
	for id := range w.known {
		if id < w.from {
			delete(w.known, id)
		}
	}
}

// horizon is the id before which nothing new is expected: a while before the newest
// entry of all, or before now, whichever is earlier, since this machine's clock may
// be ahead of the servers' as well as one of theirs.
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
