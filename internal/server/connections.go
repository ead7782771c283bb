package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// connectionsPath is the page of your own connections; the others are what its forms and
// links lead to.
const (
	connectionsPath = "/connections"
	endPath         = connectionsPath + "/end"
	pageSignInPath  = connectionsPath + "/sign-in"
	signOutPath     = connectionsPath + "/sign-out"
)

var toConnections = &pages.Link{Text: "Your connections", Href: connectionsPath}

const (
	// maxConnections is how many the page shows, and ends in one step.
	maxConnections = 200
	maxHappenings  = 50
)

// connectionRoutes adds the pages of your own connections.
func (s *Server) connectionRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET " + connectionsPath: s.connections, "GET " + endPath: s.inSession(s.askToEnd), "POST " + endPath: s.end,
		"POST " + pageSignInPath: s.signInAtPage, "POST " + signOutPath: s.signOut,
		connectionsPath: notAllowed("GET, HEAD"), endPath: notAllowed("GET, HEAD, POST"),
		pageSignInPath: notAllowed("POST"), signOutPath: notAllowed("POST"),
		"GET " + tokenPath: s.inSession(s.askForToken), "POST " + tokenPath: s.makeToken, tokenPath: notAllowed("GET, HEAD, POST"),
	} {
		mux.Handle(pattern, s.page(within(s.bounds.page, s.atIssuer(h))))
	}
}

// connections shows a user the apps that act for them, or asks who it is.
func (s *Server) connections(w http.ResponseWriter, r *http.Request) error {
	session, secret, err := s.session(w, r)
	if errors.Is(err, storage.ErrNotFound) {
		return s.askForSession(w, r, entry{})
	}
	if err != nil {
		return err
	}
	grants, more, err := s.grantsOf(r.Context(), session.User.ID)
	if err != nil {
		return err
	}
	page := pages.Connections{
		Server: s.serverView(), SignedInAs: nameOfUser(session.User), More: more,
		SignOut: pages.Form{Action: signOutPath, Hidden: []pages.Field{{Name: "csrf", Value: secret.csrf(signOutPath)}}},
	}
	if p, ok := s.Provider.(identity.RedirectProvider); ok {
		page.Provider = p.Title()
	}
	if page.Apps, err = s.apps(r.Context(), grants); err != nil {
		return err
	}
	if s.mayHavePersonal(session.User) {
		page.NewToken = &pages.Link{Text: "New token for a script", Href: tokenPath}
	}
	if len(page.Apps) > 1 {
		page.EndAll = &pages.Link{Text: "End all", Href: endPath}
	}
	if !s.NoAdminPages && s.isAdmin(session.User) {
		page.Admin = &pages.Link{Text: "Administration", Href: adminPath}
	}
	if page.Events, err = s.happenings(r.Context(), session.User.ID); err != nil {
		return err
	}
	return page.Write(w)
}

// nameOfUser is what a user is called on the page.
func nameOfUser(u storage.User) string { return cmp.Or(u.Login, u.Email, u.Name, u.Subject) }

// grantsOf returns the live grants of a user, the newest first.
func (s *Server) grantsOf(ctx context.Context, userID string) (grants []storage.Grant, more bool, err error) {
	grants, err = s.Store.ListGrants(ctx, userID, "", maxConnections+1, s.Now())
	if len(grants) > maxConnections {
		grants, more = grants[:maxConnections], true
	}
	slices.SortStableFunc(grants, func(a, b storage.Grant) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return grants, more, err
}

// selection says which connections of a user to end: one, those of an app on one MCP server,
// or all, which is the zero value.
type selection struct{ grant, client, resource string }

func selected(values url.Values) selection {
	return selection{grant: values.Get("grant"), client: values.Get("client"), resource: values.Get("resource")}
}

func (sel selection) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"grant": sel.grant, "client": sel.client, "resource": sel.resource} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

func (sel selection) includes(g storage.Grant) bool {
	return (sel.grant == "" || g.ID == sel.grant) && (sel.client == "" || g.ClientID == sel.client) &&
		(sel.resource == "" || g.Resource == sel.resource)
}

// link leads to the question whether to end them.
func (sel selection) link(text string) *pages.Link {
	return &pages.Link{Text: text, Href: endPath + "?" + sel.values().Encode()}
}

// apps groups grants by the app and the MCP server that they are for.
func (s *Server) apps(ctx context.Context, grants []storage.Grant) ([]pages.App, error) {
	var order []selection
	groups := map[selection][]storage.Grant{}
	for _, g := range grants {
		key := selection{client: g.ClientID, resource: g.Resource}
		if g.IsPersonal() {
			key = selection{grant: g.ID}
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], g)
	}
	var apps []pages.App
	for _, key := range order {
		if g := groups[key][0]; g.IsPersonal() {
			apps = append(apps, s.tokenView(key, g))
			continue
		}
		app, err := s.app(ctx, key, groups[key])
		if err != nil {
			return nil, err
		}
		apps = append(apps, app)
	}
	return apps, nil
}

// app is an app in the words of the consent page.
func (s *Server) app(ctx context.Context, key selection, grants []storage.Grant) (pages.App, error) {
	client, err := s.Store.Client(ctx, key.client)
	if err != nil && !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrUnreadable) && !errors.Is(err, storage.ErrDocument) {
		return pages.App{}, err
	}
	newest := grants[0]
	if err != nil { // its name is all that is known
		client = storage.Client{ID: key.client, ClaimedName: cmp.Or(newest.ClientName, newest.ClaimedName)}
	}
	view := clientView(authorization{client: client, request: storage.Request{RedirectURI: newest.RedirectURI}})
	app := pages.App{
		Client: view, Resource: s.resourceView(key.resource).Name, End: key.link("End access"),
		Scopes: s.scopeViews(storage.Request{Resource: key.resource, Scope: newest.Scope}),
	}
	for _, g := range grants {
		app.Connections = append(app.Connections, pages.Connection{
			Since: g.CreatedAt, LastUsed: g.LastUsedAt, RedirectURI: g.RedirectURI, Adopted: g.Adopted,
			End: selection{grant: g.ID}.link("End this connection"),
		})
	}
	return app, nil
}

// tokenView is a personal token among the apps.
func (s *Server) tokenView(key selection, g storage.Grant) pages.App {
	resources := g.Resources()
	app := pages.App{
		Token: &pages.Token{Name: g.Personal.Name, Ends: g.Personal.ExpiresAt}, End: key.link("End access"),
		Connections: []pages.Connection{{Since: g.CreatedAt, LastUsed: g.LastUsedAt}},
	}
	var names []string
	offered := oauth.Resource{}
	for _, uri := range resources {
		names = append(names, s.resourceView(uri).Name)
		if target, ok := s.resources.Find(s.canonical(uri)); ok {
			offered.Offered = append(offered.Offered, target.Offered...)
		}
	}
	app.Resource = strings.Join(names, ", ")
	for _, sc := range offered.Describe(g.Scope) {
		app.Scopes = append(app.Scopes, pages.Scope{Name: sc.Name, Description: sc.Description})
	}
	return app
}
