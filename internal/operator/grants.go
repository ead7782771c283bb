package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// grantJSON is a grant for programs.
type grantJSON struct {
	GrantID    string     `json:"grant_id"`
	UserID     string     `json:"user_id"`
	Issuer     string     `json:"issuer"`
	Subject    string     `json:"subject"`
	Login      string     `json:"login"`
	ClientID   string     `json:"client_id"`
	ClientName string     `json:"client_name"`
	Scope      string     `json:"scope"`
	Resource   string     `json:"resource"`
	CreatedAt  *time.Time `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

func grantObject(s storage.GrantSummary) any {
	g := s.Grant
	return grantJSON{
		GrantID: g.ID, UserID: g.UserID, Issuer: s.User.Issuer, Subject: s.User.Subject, Login: s.User.Login,
		ClientID: g.ClientID, ClientName: g.ClientName, Scope: g.Scope, Resource: g.Resource,
		CreatedAt: timeOrNull(g.CreatedAt), LastUsedAt: timeOrNull(g.LastUsedAt),
	}
}

func grantCells(s storage.GrantSummary) []string {
	g := s.Grant
	return []string{g.ID, loginOf(s), g.ClientName, g.ClientID, g.Scope, clock(g.CreatedAt), clock(g.LastUsedAt)}
}

// loginOf names the person of a grant as briefly as possible.
func loginOf(s storage.GrantSummary) string {
	if s.User.Login == "" {
		return s.User.ID
	}
	return s.User.Login
}

// Selection selects grants as an operator names them.
type Selection struct {
	ID     string // of a grant; then nothing else
	User   string // see Console.person
	Client string // client id
}

// filter finds the person.
func (c *Console) filter(ctx context.Context, s Selection) (f storage.GrantFilter, who storage.UserSummary, err error) {
	f = storage.GrantFilter{ID: s.ID, ClientID: s.Client}
	if s.User != "" {
		who, err = c.person(ctx, s.User)
		f.UserID = who.User.ID
	}
	return f, who, err
}

// ListGrants lists live grants.
func (c *Console) ListGrants(ctx context.Context, s Selection) error {
	f, _, err := c.filter(ctx, s)
	if err != nil {
		return err
	}
	t := c.table(column{title: "GRANT"}, column{"LOGIN", true}, column{"APP", true}, column{title: "CLIENT"},
		column{"SCOPE", true}, column{title: "SINCE"}, column{title: "LAST USED"})
	all := func(visit func(storage.GrantSummary) error) error { return c.eachGrant(ctx, f, visit) }
	return show(c, t, "No app is connected.", all, grantObject, grantCells)
}

func (c *Console) eachGrant(ctx context.Context, f storage.GrantFilter, visit func(storage.GrantSummary) error) error {
	now := c.now()
	return each(ctx, func(ctx context.Context, after string, limit int) ([]storage.GrantSummary, error) {
		return c.Store.FindGrants(ctx, f, after, limit, now)
	}, func(s storage.GrantSummary) string { return s.Grant.ID }, visit)
}

type revokedJSON struct {
	Revoked int64 `json:"grants_revoked"`
}

// RevokeGrants ends connections: one by its id, or those of a person, of a client,
// or of a person with a client.
func (c *Console) RevokeGrants(ctx context.Context, s Selection) error {
	if s.ID != "" {
		return c.revokeGrant(ctx, s.ID)
	}
	f, who, err := c.filter(ctx, s)
	if err != nil {
		return err
	}
	var live int64
	err = c.eachGrant(ctx, f, func(storage.GrantSummary) error {
		if live++; live%pageSize == 0 {
			c.tell("counting: %d so far", live)
		}
		return nil
	})
	if err != nil {
		return err
	}
	of := ""
	if s.User != "" {
		of += " of " + called(who)
	}
	if s.Client != "" {
		of += " with " + clientCalled("", s.Client)
	}
	if err := c.Confirm(fmt.Sprintf("This ends %s%s at once; the apps have to be connected again.", connections(live), of)); err != nil {
		return err
	}
	revoked, err := c.revokeAll(ctx, f, live)
	if err != nil {
		return fmt.Errorf("%w (ended until then: %d; run it again to go on)", err, revoked)
	}
	return c.done(revokedJSON{revoked}, "ended %s", connections(revoked))
}

// revokeAll revokes in pages, as many as there were when it began, or more.
func (c *Console) revokeAll(ctx context.Context, f storage.GrantFilter, live int64) (revoked int64, err error) {
	for {
		n, err := c.Store.RevokeGrants(ctx, f, pageSize, c.now())
		revoked += n
		if err != nil || n < pageSize {
			return revoked, err
		}
		c.tell("ending: %d of %d connections", revoked, max(revoked, live))
	}
}

func (c *Console) revokeGrant(ctx context.Context, id string) error {
	found, err := c.Store.FindGrants(ctx, storage.GrantFilter{ID: id}, "", 1, c.now())
	if err != nil {
		return err
	}
	what := "grant " + shown(id) // one whose code is not redeemed yet is not listed
	if len(found) == 1 {
		g := found[0]
		what = fmt.Sprintf("the connection of %s with %s, last used %s",
			shown(loginOf(g)), clientCalled(g.Grant.ClientName, g.Grant.ClientID), clock(g.Grant.LastUsedAt))
	}
	if err := c.Confirm("This ends " + what + ", at once; the app has to be connected again."); err != nil {
		return err
	}
	err = c.Store.RevokeGrant(ctx, id, c.now())
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("no grant %q is alive; `mcpkeep grants list` shows those that are", id)
	}
	if err != nil {
		return err
	}
	return c.done(revokedJSON{1}, "ended %s", what)
}
