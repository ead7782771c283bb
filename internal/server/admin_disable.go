package server

import (
	"context"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	adminDisablePath = adminPeoplePath + "/disable"
	adminEnablePath  = adminPeoplePath + "/enable"
)

// userToChange returns the user that an action is about, if they are disabled or not as the
// action needs them to be.
func (s *Server) userToChange(ctx context.Context, id string, disabled bool) (storage.UserSummary, error) {
	if id == "" {
		return storage.UserSummary{}, errNoSuchPage
	}
	found, err := s.Store.ListUsers(ctx, storage.UserFilter{ID: id}, "", 1, s.Now())
	if err != nil {
		return storage.UserSummary{}, err
	}
	if len(found) == 0 || found[0].DisabledAt.IsZero() == disabled {
		return storage.UserSummary{}, gone(storage.ErrNotFound, adminPeoplePath)
	}
	return found[0], nil
}

// errOwnAccount keeps administrators from locking themselves out.
var errOwnAccount = &pageError{
	status: http.StatusConflict, title: "This is your own account",
	message: "You would lock yourself out. Nothing was changed.",
	hint:    "Another administrator can disable it, and so can “mcpkeep users disable” on the server.",
	next:    &pages.Link{Text: "Back to the list", Href: adminPeoplePath},
}

func (s *Server) askToDisable(ctx context.Context, a admin) (q pages.Question, err error) {
	if a.values.Get("user") == a.User.ID {
		return q, errOwnAccount
	}
	u, err := s.userToChange(ctx, a.values.Get("user"), false)
	if err != nil {
		return q, err
	}
	row := personRow(u)
	return pages.Question{
		Title: "Disable this account?", Facts: append([]pages.Fact{{Name: "Person", Text: row.Name}}, row.Facts...), Button: "Disable",
		Texts: []string{"They can no longer sign in, and " + connectionsOf(u.Grants) + " will end immediately."},
		Form:  pages.Form{Hidden: hidden(a.values, "user")}, Back: &pages.Link{Text: "Keep", Href: adminPeoplePath},
	}, nil
}

func (s *Server) disableUser(ctx context.Context, a admin) (string, error) {
	id := a.values.Get("user")
	if id == a.User.ID {
		return "", errOwnAccount
	}
	_, err := s.Store.DisableUser(ctx, id, s.Now())
	return linkTo("", adminPeoplePath, "q", id).Href, gone(err, adminPeoplePath)
}

func (s *Server) askToEnable(ctx context.Context, a admin) (q pages.Question, err error) {
	u, err := s.userToChange(ctx, a.values.Get("user"), true)
	if err != nil {
		return q, err
	}
	row := personRow(u)
	return pages.Question{
		Title: "Enable this account?", Facts: append([]pages.Fact{{Name: "Person", Text: row.Name}}, row.Facts...), Button: "Enable",
		Texts: []string{"They can sign in again, if the provider and the allow lists permit it. They have to reconnect their apps."},
		Form:  pages.Form{Hidden: hidden(a.values, "user")}, Back: &pages.Link{Text: "Back", Href: adminPeoplePath},
	}, nil
}

func (s *Server) enableUser(ctx context.Context, a admin) (string, error) {
	id := a.values.Get("user")
	return linkTo("", adminPeoplePath, "q", id).Href, gone(s.Store.EnableUser(ctx, id, s.Now()), adminPeoplePath)
}
