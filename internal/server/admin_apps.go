package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Values of the parameter show of adminApps; "" is for registered ones.
const (
	showPublished = "published"
	showUnused    = "unused"
)

// adminApps lists the apps that registered, those that were never used, or those that are
// known by their metadata document.
func (s *Server) adminApps(w http.ResponseWriter, r *http.Request, a admin) error {
	values := only(a.values, "q", "show", "after")
	q, show := values.Get("q"), values.Get("show")
	read, known := s.appLists()[show]
	if !known {
		return errNoSuchPage
	}
	keep := func(c storage.ClientSummary) bool {
		return contains(q, append([]string{c.Client.ID, c.Client.Name, c.Client.ClaimedName, c.Client.URI}, c.Client.RedirectURIs...)...)
	}
	if q == "" {
		keep = nil
	}
	apps, err := list(r.Context(), values.Get("after"), read, func(c storage.ClientSummary) string { return c.Client.ID }, keep)
	if err != nil {
		return err
	}
	page := s.adminView(a, adminAppsPath, "Apps")
	page.Search = &pages.Search{
		Action: adminAppsPath, Label: "Name, ID or address", Name: "q", Value: q,
		Choice: &pages.Choice{Label: "Which apps", Name: "show", Value: show, Options: []pages.Option{
			{Text: "Registered"}, {Value: showUnused, Text: "Registered, never used"}, {Value: showPublished, Text: "Known by their published description"},
		}},
	}
	page.Actions = []pages.Link{{Text: "Register an app", Href: adminRegisterPath}, {Text: "Delete unused apps", Href: adminPrunePath}}
	section := pages.Section{Empty: "There is no such app."}
	for _, c := range apps.rows {
		section.Rows = append(section.Rows, appRow(c))
	}
	page.Sections = []pages.Section{section}
	noteRead(&page, apps.read, apps.next, "apps")
	showMore(&page, adminAppsPath, values, "after", apps.next)
	return page.Write(w)
}

// appLists are the lists of apps by the value of show.
func (s *Server) appLists() map[string]func(ctx context.Context, after string, limit int) ([]storage.ClientSummary, error) {
	now := s.Now()
	return map[string]func(ctx context.Context, after string, limit int) ([]storage.ClientSummary, error){
		"": func(ctx context.Context, after string, limit int) ([]storage.ClientSummary, error) {
			return s.Store.ListClients(ctx, after, limit, now)
		},
		showUnused: func(ctx context.Context, after string, limit int) ([]storage.ClientSummary, error) {
			return s.Store.ListUnusedClients(ctx, now, after, limit, now)
		},
		showPublished: func(ctx context.Context, after string, limit int) ([]storage.ClientSummary, error) {
			documents, err := s.Store.ListDocumentClients(ctx, after, limit, now)
			var list []storage.ClientSummary
			for _, d := range documents {
				list = append(list, storage.ClientSummary{Grants: d.Grants, Client: storage.Client{
					ID: d.ID, Client: metadata.Client{Name: d.Name}, ClaimedName: d.ClaimedName, Origin: storage.OriginDocument, ConfirmedAt: d.FetchedAt,
				}})
			}
			return list, err
		},
	}
}

func appRow(c storage.ClientSummary) pages.Row {
	view := clientView(authorization{client: c.Client})
	row := pages.Row{
		Client: &view, Facts: []pages.Fact{
			{Name: "ID", Code: []string{c.Client.ID}}, {Name: "Redirect URIs", Code: c.Client.RedirectURIs},
			{Name: "Website (according to the app)", Code: []string{c.Client.URI}},
			{Name: "Registered", At: c.Client.CreatedAt}, {Name: "Description fetched", At: c.Client.ConfirmedAt},
			{Name: "Last sign-in", At: c.LastUsedAt}, {Name: "Connections", Text: fmt.Sprint(c.Grants)},
		},
		Links: []pages.Link{
			linkTo("Connections", adminConnectionsPath, "client", c.Client.ID), linkTo("Events", adminEventsPath, "client", c.Client.ID),
			linkTo("Delete", adminDeletePath, "client", c.Client.ID),
		},
	}
	if c.Foreign {
		row.State = "Registered by another program"
	}
	if c.Unreadable {
		row.State, row.Warns = "The registration cannot be decrypted with the keys of this server", true
	}
	return row
}
