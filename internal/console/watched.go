package console

import (
	"context"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// watched selects entries of the audit trail.
type watched struct {
	storage.EventFilter
	// called: also sign-ins that were refused to accounts that are called so; "" for none.
	called string
	// refusedOnly: no user is called so, and there is nothing else.
	refusedOnly bool
}

// eventsOf selects the entries of a user by name, if there is one. It does not look up an id:
// the trail outlives its users. Someone who was never let in is no user.
func (c *Console) eventsOf(ctx context.Context, t *watched, name string) error {
	if name == "" || IsUserID(name) {
		t.UserID = name
		return nil
	}
	t.called = name
	found, unreadable, err := c.people(ctx, name)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		t.refusedOnly = true
		if refused, err := c.refusedTo(ctx, *t, ""); err != nil || len(refused) > 0 {
			return err
		}
	}
	u, err := c.only(name, found, unreadable)
	t.UserID = u.User.ID
	return err
}

// refusedTo returns the entries after an id about sign-ins that were refused to accounts with
// the name of t, the oldest first. The names are encrypted, so that all are read: as many
// as are kept of this type.
func (c *Console) refusedTo(ctx context.Context, t watched, after string) (found []storage.Event, err error) {
	f := t.EventFilter
	if t.called == "" || f.Type != "" && f.Type != storage.EventSignInRefused {
		return nil, nil
	}
	f.Type, f.UserID = storage.EventSignInRefused, ""
	var looked int64
	err = each(ctx, func(ctx context.Context, page string, limit int) ([]storage.Event, error) {
		return c.described(ctx)(c.Store.ListEvents(ctx, f, max(after, page), limit))
	}, func(e storage.Event) string { return e.ID }, func(e storage.Event) error {
		if looked++; looked%pageSize == 0 {
			c.progress("looking for %q: %d refused sign-ins so far", t.called, looked)
		}
		if isCalled(e.Account, t.called) {
			found = append(found, e)
		}
		return nil
	})
	return found, err
}

// isCalled reports whether a name is an account's login, email address, or ISSUER#SUBJECT.
func isCalled(a *storage.RefusedAccount, name string) bool {
	return a != nil && a.Broken == nil &&
		(strings.EqualFold(a.Login, name) || strings.EqualFold(a.Email, name) || a.Issuer+"#"+a.Subject == name)
}

// eachAfter visits the entries after an id, the oldest first.
func (c *Console) eachAfter(ctx context.Context, t watched, after string, visit func(storage.Event) error) error {
	refused, err := c.refusedTo(ctx, t, after)
	if err != nil {
		return err
	}
	upTo := func(id string) error { // visits what was refused before an entry, and not the entry itself
		for len(refused) > 0 && refused[0].ID <= id {
			e := refused[0]
			refused = refused[1:]
			if e.ID == id {
				return nil
			}
			if err := visit(e); err != nil {
				return err
			}
		}
		return nil
	}
	if !t.refusedOnly {
		err = each(ctx, func(ctx context.Context, page string, limit int) ([]storage.Event, error) {
			return c.described(ctx)(c.Store.ListEvents(ctx, t.EventFilter, max(after, page), limit))
		}, func(e storage.Event) string { return e.ID }, func(e storage.Event) error {
			if err := upTo(e.ID); err != nil {
				return err
			}
			return visit(e)
		})
		if err != nil {
			return err
		}
	}
	for _, e := range refused {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

// eachEvent visits the newest entries, or all of them if limit is 0.
func (c *Console) eachEvent(ctx context.Context, t watched, limit int, visit func(storage.Event) error) error {
	if limit == 0 {
		return c.eachAfter(ctx, t, "", visit)
	}
	events, err := c.refusedTo(ctx, t, "")
	if err == nil && !t.refusedOnly {
		var others []storage.Event
		others, err = c.described(ctx)(c.Store.NewestEvents(ctx, t.EventFilter, limit))
		events = append(events, others...)
	}
	if err != nil {
		return err
	}
	id := func(a, b storage.Event) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(events, id)
	events = slices.CompactFunc(events, func(a, b storage.Event) bool { return a.ID == b.ID })
	for _, e := range events[max(0, len(events)-limit):] {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}
