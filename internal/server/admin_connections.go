package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// adminConnections lists the live connections of everyone, of a person, or of an app.
func (s *Server) adminConnections(w http.ResponseWriter, r *http.Request, a admin) error {
	values := only(a.values, "user", "client", "after")
	f := storage.GrantFilter{UserID: values.Get("user"), ClientID: values.Get("client")}
	after := values.Get("after")
	if after != "" && !strings.HasPrefix(after, storage.GrantIDPrefix) {
		return errNoSuchPage
	}
	now := s.Now()
	grants, err := list(r.Context(), after, func(ctx context.Context, after string, limit int) ([]storage.GrantSummary, error) {
		return s.Store.FindGrants(ctx, f, after, limit, now)
	}, func(g storage.GrantSummary) string { return g.Grant.ID }, nil)
	if err != nil {
		return err
	}
	page := s.adminView(a, adminConnectionsPath, "Connections")
	page.Search = &pages.Search{Action: adminConnectionsPath, Label: "Client ID", Name: "client", Value: f.ClientID}
	if f.UserID != "" {
		page.Search.Kept = []pages.Field{{Name: "user", Value: f.UserID}}
		page.Notes = append(page.Notes, "Of "+s.nameOfPerson(r.Context(), f.UserID)+".")
		page.Actions = append(page.Actions, pages.Link{Text: "Show those of everyone", Href: adminConnectionsPath})
	}
	if len(grants.rows) > 1 && f != (storage.GrantFilter{}) {
		page.Actions = append(page.Actions, pages.Link{Text: "End all of these", Href: withQuery(adminEndPath, only(values, "user", "client"))})
	}
	section := pages.Section{Empty: "There is no such connection."}
	for _, g := range grants.rows {
		section.Rows = append(section.Rows, s.grantRow(g))
	}
	page.Sections = []pages.Section{section}
	showMore(&page, adminConnectionsPath, values, "after", grants.next)
	return page.Write(w)
}

func (s *Server) grantRow(g storage.GrantSummary) pages.Row {
	client := storage.Client{ID: g.Grant.ClientID, Client: metadata.Client{Name: g.Grant.ClientName}, ClaimedName: g.Grant.ClaimedName}
	person := linkTo(nameOfUser(g.User), adminPeoplePath, "q", g.User.ID)
	row := pages.Row{
		Name: appName(client), Facts: []pages.Fact{
			{Name: "Acts for", Link: &person}, {Name: "Has access to", Text: s.resourceView(g.Grant.Resource).Name},
			{Name: "Scope", Code: strings.Fields(g.Grant.Scope)}, {Name: "Client ID", Code: []string{client.ID}},
			{Name: "Since", At: g.Grant.CreatedAt}, {Name: "Last used", At: g.Grant.LastUsedAt}, {Name: "Replaced by a newer one", At: g.Grant.ReplacedAt},
			{Name: "ID", Code: []string{g.Grant.ID}},
		},
		Links: []pages.Link{linkTo("Events", adminEventsPath, "grant", g.Grant.ID), linkTo("End access", adminEndPath, "grant", g.Grant.ID)},
	}
	if g.Grant.IsPersonal() {
		row.Name = "Token “" + pages.Quotable(g.Grant.Personal.Name) + "” for a script"
		row.Facts = append(row.Facts, pages.Fact{Name: "Ends", At: g.Grant.Personal.ExpiresAt})
	}
	if g.Grant.Adopted {
		row.Facts = append(row.Facts, pages.Fact{Name: "Origin", Text: "Taken over from the earlier server"})
	}
	return row
}

// appName is what an app is called in a list.
func appName(c storage.Client) string {
	switch {
	case c.Name != "":
		return "“" + pages.Quotable(c.Name) + "”"
	case c.ClaimedName != "":
		return "An app that calls itself “" + pages.Quotable(c.ClaimedName) + "”"
	}
	return "An app without a name"
}

// nameOfPerson is what a user is called, or the ID of one who is not on record.
func (s *Server) nameOfPerson(ctx context.Context, id string) string {
	found, err := s.Store.ListUsers(ctx, storage.UserFilter{ID: id}, "", 1, s.Now())
	if err != nil || len(found) == 0 {
		return id
	}
	return nameOfUser(found[0].User)
}
