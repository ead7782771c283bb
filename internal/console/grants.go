package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// grantJSON is a grant in JSON.
type grantJSON struct {
	GrantID     string     `json:"grant_id"`
	UserID      string     `json:"user_id"`
	Issuer      string     `json:"issuer"`
	Subject     string     `json:"subject"`
	Login       string     `json:"login"`
	ClientID    string     `json:"client_id"`
	ClientName  string     `json:"client_name"`
	ClaimedName string     `json:"claimed_name"` // what a client without a name calls itself
	Scope       string     `json:"scope"`
	Resource    string     `json:"resource"`
	CreatedAt   *time.Time `json:"created_at"`
	LastUsedAt  *time.Time `json:"last_used_at"`
	ReplacedAt  *time.Time `json:"replaced_at"`
	Adopted     bool       `json:"adopted"` // from FastMCP
}

func grantObject(s storage.GrantSummary) any {
	g := s.Grant
	return grantJSON{
		GrantID: g.ID, UserID: g.UserID, Issuer: s.User.Issuer, Subject: s.User.Subject, Login: s.User.Login,
		ClientID: g.ClientID, ClientName: g.ClientName, ClaimedName: claimed(g.ClientName, g.ClaimedName), Scope: g.Scope, Resource: g.Resource,
		CreatedAt: JSONTime(g.CreatedAt), LastUsedAt: JSONTime(g.LastUsedAt), ReplacedAt: JSONTime(g.ReplacedAt),
		Adopted: g.Adopted,
	}
}

func grantCells(s storage.GrantSummary) []string {
	g := s.Grant
	return []string{g.ID, loginOf(s), named(g.ClientName, g.ClaimedName), g.ClientID, g.Scope, Time(g.CreatedAt), Time(g.LastUsedAt), replaced(g)}
}

// replaced says when a newer connection took the place of a grant, "" if none did.
func replaced(g storage.Grant) string {
	if g.ReplacedAt.IsZero() {
		return ""
	}
	return Time(g.ReplacedAt)
}

// grouped passes on the grants that all visits, page by page, with those of a user with
// a client next to each other: several installations may share a client.
func grouped(all func(visit func(storage.GrantSummary) error) error, visit func(storage.GrantSummary) error) error {
	var page []storage.GrantSummary
	flush := func() error {
		slices.SortStableFunc(page, func(a, b storage.GrantSummary) int {
			return cmp.Or(cmp.Compare(loginOf(a), loginOf(b)), cmp.Compare(a.User.ID, b.User.ID), cmp.Compare(a.Grant.ClientID, b.Grant.ClientID))
		})
		for _, row := range page {
			if err := visit(row); err != nil {
				return err
			}
		}
		page = page[:0]
		return nil
	}
	err := all(func(row storage.GrantSummary) error {
		if page = append(page, row); len(page) == pageSize {
			return flush()
		}
		return nil
	})
	return cmp.Or(err, flush())
}

// loginOf returns the login of a grant's user, or the user id.
func loginOf(s storage.GrantSummary) string {
	if s.User.Login == "" {
		return s.User.ID
	}
	return s.User.Login
}

// Selection selects grants.
type Selection struct {
	ID     string // of one grant; excludes the other fields
	User   string // see Console.person
	Client string // client id
	// Since selects grants that were approved, or got tokens, at or after it; zero for all.
	Since time.Time
}

// filter resolves the name of the user.
func (c *Console) filter(ctx context.Context, s Selection) (f storage.GrantFilter, who storage.UserSummary, err error) {
	f = storage.GrantFilter{ID: s.ID, ClientID: s.Client, Since: s.Since}
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
	t := c.table(Column{Title: "GRANT"}, Column{"LOGIN", true}, Column{"APP", true}, Column{Title: "CLIENT"},
		Column{"SCOPE", true}, Column{Title: "SINCE"}, Column{Title: "LAST USED"}, Column{Title: "REPLACED"})
	all := func(visit func(storage.GrantSummary) error) error {
		return grouped(func(visit func(storage.GrantSummary) error) error { return c.eachGrant(ctx, f, visit) }, visit)
	}
	return show(c, t, "No connections.", all, grantObject, grantCells)
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

// RevokeGrants ends one connection by its id, or all connections of a user, of a client,
// of a user with a client, or of a time.
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
			c.progress("counting: %d so far", live)
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
		of += " with " + clientCalled("", "", s.Client)
	}
	if !s.Since.IsZero() {
		of += " approved or refreshed since " + Time(s.Since)
	}
	if err := c.Confirm(fmt.Sprintf("This ends %s%s immediately; users have to reconnect the apps.", connections(live), of)); err != nil {
		return err
	}
	revoked, err := c.revokeAll(ctx, f, live)
	if err != nil {
		return fmt.Errorf("%w (%d ended so far; run the command again to continue)", err, revoked)
	}
	return c.done(revokedJSON{revoked}, "ended %s", connections(revoked))
}

// revokeAll revokes in pages, until no grant is left.
func (c *Console) revokeAll(ctx context.Context, f storage.GrantFilter, live int64) (revoked int64, err error) {
	for {
		n, err := c.Store.RevokeGrants(ctx, f, pageSize, c.now())
		revoked += n
		if err != nil || n < pageSize {
			return revoked, err
		}
		c.progress("ending: %d of %d connections", revoked, max(revoked, live))
	}
}

func (c *Console) revokeGrant(ctx context.Context, id string) error {
	found, err := c.Store.FindGrants(ctx, storage.GrantFilter{ID: id}, "", 1, c.now())
	if err != nil {
		return err
	}
	what := "grant " + shown(id) // not listed if its code is not redeemed yet
	if len(found) == 1 {
		g := found[0]
		what = fmt.Sprintf("the connection of %s with %s, last used %s",
			shown(loginOf(g)), clientCalled(g.Grant.ClientName, g.Grant.ClaimedName, g.Grant.ClientID), Time(g.Grant.LastUsedAt))
	}
	if err := c.Confirm("This ends " + what + " immediately; the user has to reconnect the app."); err != nil {
		return err
	}
	err = c.Store.RevokeGrant(ctx, id, c.now())
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("grant %q is not active; `mcpkeep grants list` shows the active grants", id)
	}
	if err != nil {
		return err
	}
	return c.done(revokedJSON{1}, "ended %s", what)
}
