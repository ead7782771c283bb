package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// ErrBadToken is returned for a token that cannot be made as described.
var ErrBadToken = errors.New("this token cannot be made")

// NewToken describes a token for a script.
type NewToken struct {
	User, Name string
	Resources  []string // MCP endpoints that it is for
	Scopes     []string
	Life       time.Duration
	May        func(storage.Person) bool // have personal tokens
	Local      string                    // issuer of users with a password here
}

// tokenJSON is a token for a script in JSON.
type tokenJSON struct {
	Token      string     `json:"token,omitempty"` // when it is made
	GrantID    string     `json:"grant_id"`
	UserID     string     `json:"user_id"`
	Login      string     `json:"login"`
	Name       string     `json:"name"`
	Scope      string     `json:"scope"`
	Resources  []string   `json:"resources"`
	CreatedAt  *time.Time `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

func tokenObject(s storage.GrantSummary) tokenJSON {
	g := s.Grant
	return tokenJSON{
		GrantID: g.ID, UserID: g.UserID, Login: s.User.Login, Name: g.Personal.Name, Scope: g.Scope, Resources: g.Resources(),
		CreatedAt: JSONTime(g.CreatedAt), ExpiresAt: JSONTime(g.Personal.ExpiresAt), LastUsedAt: JSONTime(g.LastUsedAt),
	}
}

// CreateToken makes a token for a script and prints it. Only its hash is stored.
func (c *Console) CreateToken(ctx context.Context, n NewToken) error {
	t, err := n.token(c.now())
	if err != nil {
		return err
	}
	who, err := c.person(ctx, n.User)
	switch {
	case err != nil:
		return err
	case !n.May(who.User.Person):
		return fmt.Errorf("%w: %s is no administrator", ErrBadToken, called(who))
	}
	t.UserID, t.NeedsProvider = who.User.ID, who.User.Issuer != n.Local
	value := oauth.NewPersonalToken()
	t.Token = storage.HashOf(value)
	if err := c.Store.CreatePersonalToken(ctx, t, c.now()); err != nil {
		return tokenProblem(err, called(who))
	}
	made := storage.GrantSummary{User: who.User, Grant: storage.Grant{
		ID: t.GrantID, UserID: t.UserID, Scope: t.Scope, Resource: strings.Join(t.Resources, " "), Personal: t.PersonalToken,
		CreatedAt: c.now(),
	}}
	if err := c.showToken(made, value); err != nil {
		return fmt.Errorf("token %s was made, but could not be printed; end it with `mcpkeep tokens revoke`: %w", t.GrantID, err)
	}
	return nil
}

// token checks the description.
func (n NewToken) token(now time.Time) (storage.NewPersonalToken, error) {
	t := storage.NewPersonalToken{
		PersonalToken: storage.PersonalToken{Name: display.Line(strings.TrimSpace(n.Name), storage.LongestTokenName), ExpiresAt: now.Add(n.Life)},
		GrantID:       storage.NewOrderedID(storage.GrantIDPrefix, now),
	}
	if t.Name == "" {
		return t, fmt.Errorf("%w: the name is empty", ErrBadToken)
	}
	for _, text := range n.Resources {
		url, ok := oauth.CanonicalResource(text)
		if !ok {
			return t, fmt.Errorf("%w: %q is not the URL of an MCP endpoint, such as https://mcp.example.com/mcp", ErrBadToken, text)
		}
		if !slices.Contains(t.Resources, url) {
			t.Resources = append(t.Resources, url)
		}
	}
	scope, ok := oauth.PersonalScope(n.Scopes)
	if !ok {
		return t, fmt.Errorf("%w: %q has something that is no scope", ErrBadToken, strings.Join(n.Scopes, ","))
	}
	t.Scope = scope
	return t, nil
}

// tokenProblem says why there is no token.
func tokenProblem(err error, who string) error {
	switch {
	case errors.Is(err, storage.ErrUnconfirmed):
		return fmt.Errorf("%s has to sign in at /connections first, or connect an app: the sign-in provider is asked about them while the token is in use", who)
	case errors.Is(err, storage.ErrDisabled):
		return fmt.Errorf("%s is disabled", who)
	case errors.Is(err, storage.ErrFull):
		return fmt.Errorf("%s has %d tokens already; end one first", who, storage.MaxPersonalTokens)
	}
	return err
}

func (c *Console) showToken(made storage.GrantSummary, value string) error {
	if c.JSON {
		object := tokenObject(made)
		object.Token = value
		return WriteJSON(c.Out, object)
	}
	_, err := fmt.Fprintf(c.Out, "id       %s\nexpires  %s\ntoken    %s\n\nSave the token now: it is stored as a hash and cannot be shown again.\n",
		made.Grant.ID, Time(made.Grant.Personal.ExpiresAt), value)
	return err
}

// ListTokens lists tokens for scripts, of one user or of all.
func (c *Console) ListTokens(ctx context.Context, user string) error {
	f, _, err := c.filter(ctx, Selection{User: user, Client: storage.PersonalClientID})
	if err != nil {
		return err
	}
	t := c.table(Column{Title: "ID"}, Column{"LOGIN", true}, Column{"NAME", true}, Column{"SCOPE", true}, Column{"FOR", true},
		Column{Title: "SINCE"}, Column{Title: "UNTIL"}, Column{Title: "LAST USED"})
	all := func(visit func(storage.GrantSummary) error) error { return c.eachGrant(ctx, f, visit) }
	return show(c, t, "No tokens.", all, func(s storage.GrantSummary) any { return tokenObject(s) }, func(s storage.GrantSummary) []string {
		g := s.Grant
		return []string{g.ID, loginOf(s), g.Personal.Name, g.Scope, g.Resource, Time(g.CreatedAt), Time(g.Personal.ExpiresAt), Time(g.LastUsedAt)}
	})
}

// RevokeToken ends a token for a script.
func (c *Console) RevokeToken(ctx context.Context, id string) error {
	found, err := c.Store.FindGrants(ctx, storage.GrantFilter{ID: id, ClientID: storage.PersonalClientID}, "", 1, c.now())
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("there is no active token %q; `mcpkeep tokens list` shows them", id)
	}
	what := fmt.Sprintf("token %s (%q) of %s", id, shown(found[0].Grant.Personal.Name), shown(loginOf(found[0])))
	if err := c.Confirm("This ends " + what + " immediately."); err != nil {
		return err
	}
	err = c.Store.RevokeGrant(ctx, id, c.now())
	if err != nil && !errors.Is(err, storage.ErrNotFound) { // it has just ended
		return err
	}
	return c.done(revokedJSON{1}, "ended %s", what)
}
