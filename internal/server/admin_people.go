package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// adminPeople lists everyone who has signed in.
func (s *Server) adminPeople(w http.ResponseWriter, r *http.Request, a admin) error {
	values := only(a.values, "q", "after")
	q, after := values.Get("q"), values.Get("after")
	if after != "" && !strings.HasPrefix(after, storage.UserIDPrefix) {
		return errNoSuchPage
	}
	now := s.Now()
	filter, keep := storage.UserFilter{}, func(u storage.UserSummary) bool {
		return contains(q, u.User.Login, u.User.Name, u.User.Email, u.User.Subject)
	}
	switch {
	case strings.HasPrefix(q, storage.UserIDPrefix):
		filter.ID, keep = q, nil
	case q == "":
		keep = nil
	}
	people, err := list(r.Context(), after, func(ctx context.Context, after string, limit int) ([]storage.UserSummary, error) {
		return s.Store.ListUsers(ctx, filter, after, limit, now)
	}, func(u storage.UserSummary) string { return u.User.ID }, keep)
	if err != nil {
		return err
	}
	page := s.adminView(a, adminPeoplePath, "People")
	page.Search = &pages.Search{Action: adminPeoplePath, Label: "Name, email address or ID", Name: "q", Value: q}
	section := pages.Section{Empty: "No one has signed in yet."}
	if q != "" {
		section.Empty = "No one of these matches."
	}
	for _, u := range people.rows {
		section.Rows = append(section.Rows, personRow(u))
	}
	page.Sections = []pages.Section{section}
	noteRead(&page, people.read, people.next, "people")
	showMore(&page, adminPeoplePath, values, "after", people.next)
	return page.Write(w)
}

// noteRead says how far a filter looked, if it did not look at everything.
func noteRead(page *pages.Admin, read int, next, what string) {
	if next != "" && read >= adminRead {
		page.Notes = append(page.Notes, fmt.Sprintf("The filter looked at %d %s so far. “Show more” looks further.", read, what))
	}
}

func personRow(u storage.UserSummary) pages.Row {
	row := pages.Row{
		Name: nameOfUser(u.User), Facts: []pages.Fact{
			{Name: "Name", Text: u.User.Name}, {Name: "Email address", Text: u.User.Email},
			{Name: "Account", Text: u.User.Issuer, Code: []string{u.User.Subject}}, {Name: "ID", Code: []string{u.User.ID}},
			{Name: "Since", At: u.CreatedAt}, {Name: "Last sign-in", At: u.LastSignInAt}, {Name: "Connections", Text: fmt.Sprint(u.Grants)},
			{Name: "Disabled", At: u.DisabledAt},
		},
		Links: []pages.Link{
			linkTo("Connections", adminConnectionsPath, "user", u.User.ID), linkTo("Events", adminEventsPath, "user", u.User.ID),
		},
	}
	change := linkTo("Disable", adminDisablePath, "user", u.User.ID)
	if !u.DisabledAt.IsZero() {
		row.State, row.Warns = "Disabled", true
		change = linkTo("Enable", adminEnablePath, "user", u.User.ID)
	}
	row.Links = append(row.Links, change)
	if u.Unreadable {
		row.State, row.Warns = "The profile cannot be decrypted with the keys of this server", true
	}
	return row
}
