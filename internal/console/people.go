package console

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// IsUserID reports whether a name is a user id, which is not encrypted.
func IsUserID(name string) bool { return strings.HasPrefix(name, storage.UserIDPrefix) }

// personJSON is a user in JSON.
type personJSON struct {
	UserID       string     `json:"user_id"`
	Issuer       string     `json:"issuer"`
	Subject      string     `json:"subject"`
	Login        string     `json:"login"`
	Name         string     `json:"name"`
	Email        string     `json:"email"`
	CreatedAt    *time.Time `json:"created_at"`
	LastSignInAt *time.Time `json:"last_sign_in_at"`
	DisabledAt   *time.Time `json:"disabled_at"`
	Grants       int64      `json:"grants"`
	Unreadable   bool       `json:"unreadable"`
}

func personObject(u storage.UserSummary) any {
	return personJSON{
		UserID: u.User.ID, Issuer: u.User.Issuer, Subject: u.User.Subject, Login: u.User.Login, Name: u.User.Name,
		Email: u.User.Email, CreatedAt: JSONTime(u.CreatedAt), LastSignInAt: JSONTime(u.LastSignInAt),
		DisabledAt: JSONTime(u.DisabledAt), Grants: u.Grants, Unreadable: u.Unreadable,
	}
}

func personColumns() []Column {
	return []Column{
		{Title: "USER"}, {"LOGIN", true}, {"NAME", true}, {"EMAIL", true}, {"ISSUER", true}, {"SUBJECT", true},
		{Title: "SINCE"}, {Title: "LAST SIGN-IN"}, {Title: "CONNECTIONS"}, {Title: "STATE"},
	}
}

func personCells(u storage.UserSummary) []string {
	state := "enabled"
	if !u.DisabledAt.IsZero() {
		state = "disabled " + Time(u.DisabledAt)
	}
	login := u.User.Login
	if u.Unreadable {
		login = "(cannot be decrypted)"
	}
	return []string{
		u.User.ID, login, u.User.Name, u.User.Email, u.User.Issuer, u.User.Subject,
		Time(u.CreatedAt), Time(u.LastSignInAt), fmt.Sprint(u.Grants), state,
	}
}

// ListUsers lists all users on record.
func (c *Console) ListUsers(ctx context.Context) error {
	all := func(visit func(storage.UserSummary) error) error {
		return c.eachUser(ctx, storage.UserFilter{}, visit)
	}
	return show(c, c.table(personColumns()...), "No one has signed in yet.", all, personObject, personCells)
}

func (c *Console) eachUser(ctx context.Context, f storage.UserFilter, visit func(storage.UserSummary) error) error {
	now := c.now()
	return each(ctx, func(ctx context.Context, after string, limit int) ([]storage.UserSummary, error) {
		return c.Store.ListUsers(ctx, f, after, limit, now)
	}, func(u storage.UserSummary) string { return u.User.ID }, visit)
}

// person finds a user by id, by issuer and subject as ISSUER#SUBJECT, or by login or
// email address, which are encrypted, so that all users are read. If several match, it
// prints them and returns an error.
func (c *Console) person(ctx context.Context, name string) (storage.UserSummary, error) {
	found, unreadable, err := c.people(ctx, name)
	if err != nil {
		return storage.UserSummary{}, err
	}
	return c.only(name, found, unreadable)
}

// only returns the one user that a name was found for.
func (c *Console) only(name string, found []storage.UserSummary, unreadable int64) (storage.UserSummary, error) {
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0 && unreadable > 0:
		return storage.UserSummary{}, fmt.Errorf("no user %q found, but the names of %s cannot be decrypted: pass an ID from `mcpkeep users list`",
			name, number(unreadable, "user", "users"))
	case len(found) == 0:
		return storage.UserSummary{}, fmt.Errorf("no user %q found; want an ID, login, email address or ISSUER#SUBJECT, as in `mcpkeep users list`", name)
	}
	t := NewTable(c.Err, c.Width, personColumns()...)
	for _, u := range found {
		_ = t.Add(personCells(u)...)
	}
	_ = t.End("")
	return storage.UserSummary{}, fmt.Errorf("%q matches %d users: pass an ID", name, len(found))
}

func (c *Console) people(ctx context.Context, name string) (found []storage.UserSummary, unreadable int64, err error) {
	exact := []storage.UserFilter{}
	if IsUserID(name) {
		exact = append(exact, storage.UserFilter{ID: name})
	}
	if issuer, subject, ok := strings.Cut(name, "#"); ok && issuer != "" && subject != "" {
		exact = append(exact, storage.UserFilter{Issuer: issuer, Subject: subject})
	}
	for _, f := range exact {
		if found, err = c.Store.ListUsers(ctx, f, "", 1, c.now()); err != nil || len(found) > 0 {
			return found, 0, err
		}
	}
	if name == "" {
		return nil, 0, errors.New("the name of the user is empty")
	}
	var looked int64
	err = c.eachUser(ctx, storage.UserFilter{}, func(u storage.UserSummary) error {
		if looked++; looked%pageSize == 0 {
			c.progress("looking for %q: %d users so far", name, looked)
		}
		if u.Unreadable {
			unreadable++
		}
		if strings.EqualFold(u.User.Login, name) || strings.EqualFold(u.User.Email, name) {
			found = append(found, u)
		}
		return nil
	})
	return found, unreadable, err
}

// called returns the name of a user for a sentence.
func called(u storage.UserSummary) string {
	if u.User.Login == "" {
		return fmt.Sprintf("%s (%s at %s)", u.User.ID, shown(u.User.Subject), shown(u.User.Issuer))
	}
	return fmt.Sprintf("%s (%s, %s at %s)", shown(u.User.Login), u.User.ID, shown(u.User.Subject), shown(u.User.Issuer))
}

type disabledJSON struct {
	UserID   string `json:"user_id"`
	Disabled bool   `json:"disabled"`
	Changed  bool   `json:"changed"` // false if nothing had to change
	Revoked  int64  `json:"grants_revoked"`
}

// DisableUser blocks a user and ends their connections.
func (c *Console) DisableUser(ctx context.Context, name string) error {
	u, err := c.person(ctx, name)
	if err != nil {
		return err
	}
	was := disabledJSON{UserID: u.User.ID, Disabled: true}
	if !u.DisabledAt.IsZero() {
		return c.done(was, "%s is already disabled, since %s", called(u), Time(u.DisabledAt))
	}
	err = c.Confirm(fmt.Sprintf("%s can no longer sign in, and %s will end immediately.", called(u), connections(u.Grants)))
	if err != nil {
		return err
	}
	revoked, err := c.Store.DisableUser(ctx, u.User.ID, c.now())
	if errors.Is(err, storage.ErrNotFound) { // another process was first
		return c.done(was, "%s is already disabled", called(u))
	}
	if err != nil {
		return err
	}
	return c.done(disabledJSON{UserID: u.User.ID, Disabled: true, Changed: true, Revoked: revoked},
		"disabled %s and ended %s", called(u), connections(revoked))
}

// EnableUser lets a disabled user sign in again.
func (c *Console) EnableUser(ctx context.Context, name string) error {
	u, err := c.person(ctx, name)
	if err != nil {
		return err
	}
	was := disabledJSON{UserID: u.User.ID}
	if u.DisabledAt.IsZero() {
		return c.done(was, "%s is not disabled", called(u))
	}
	if err := c.Confirm(called(u) + " can sign in again, if the provider and the allow lists permit it."); err != nil {
		return err
	}
	err = c.Store.EnableUser(ctx, u.User.ID, c.now())
	if errors.Is(err, storage.ErrNotFound) {
		return c.done(was, "%s is not disabled", called(u))
	}
	if err != nil {
		return err
	}
	return c.done(disabledJSON{UserID: u.User.ID, Changed: true}, "enabled %s: they have to reconnect their apps", called(u))
}
