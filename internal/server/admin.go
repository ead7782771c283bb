package server

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// The pages for administrators.
const (
	adminPath            = "/admin"
	adminPeoplePath      = adminPath + "/people"
	adminAppsPath        = adminPath + "/apps"
	adminConnectionsPath = adminPath + "/connections"
	adminEventsPath      = adminPath + "/events"
)

// adminRoutes adds the pages for administrators.
func (s *Server) adminRoutes(mux *http.ServeMux) {
	if s.NoAdminPages {
		return
	}
	lists := map[string]adminHandler{
		adminPath: s.adminStart, adminPeoplePath: s.adminPeople, adminAppsPath: s.adminApps,
		adminConnectionsPath: s.adminConnections, adminEventsPath: s.adminEvents,
	}
	if s.State != nil {
		lists[adminServerPath] = s.adminServer
	}
	for path, h := range lists {
		mux.Handle("GET "+path, s.page(within(s.bounds.page, s.atIssuer(s.forAdmins(h)))))
		mux.Handle(path, s.page(notAllowed("GET, HEAD")))
	}
	mux.Handle("GET "+adminRegisterPath, s.page(within(s.bounds.page, s.atIssuer(s.forAdmins(s.askToRegister)))))
	mux.Handle("POST "+adminRegisterPath, s.page(within(s.bounds.page, s.atIssuer(s.registerApp))))
	mux.Handle(adminRegisterPath, s.page(notAllowed("GET, HEAD, POST")))
	for _, action := range s.adminActions() {
		mux.Handle("GET "+action.path, s.page(within(s.bounds.page, s.atIssuer(s.forAdmins(s.asking(action))))))
		mux.Handle("POST "+action.path, s.page(within(s.bounds.page, s.atIssuer(s.doing(action)))))
		mux.Handle(action.path, s.page(notAllowed("GET, HEAD, POST")))
	}
}

// admin is an administrator's request.
type admin struct {
	storage.BrowserSession

	secret browser // of the session's cookie
	values url.Values
}

// adminHandler is a page for administrators that may fail.
type adminHandler func(http.ResponseWriter, *http.Request, admin) error

// forAdmins shows a page to administrators alone, and asks for a sign-in without a session.
func (s *Server) forAdmins(h adminHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		values, err := parseQuery(r)
		if err != nil {
			return err
		}
		session, secret, err := s.session(w, r)
		if errors.Is(err, storage.ErrNotFound) {
			return s.askForSession(w, r, entry{next: nextAfter(r)})
		}
		if err == nil {
			err = s.mayAdminister(session.User)
		}
		if err != nil {
			return err
		}
		return h(w, r, admin{session, secret, values})
	}
}

// mayAdminister refuses users who are no administrators now.
func (s *Server) mayAdminister(u storage.User) error {
	if s.isAdmin(u) {
		return nil
	}
	return &pageError{
		status: http.StatusForbidden, title: "This account is not an administrator",
		message: "These pages are for the administrators of this server. Nothing was changed.", account: nameOfUser(u), next: toConnections,
	}
}

// isAdmin reports whether a user may use the pages for administrators. The local provider
// has one user, the owner.
func (s *Server) isAdmin(u storage.User) bool {
	if s.redirects() {
		return s.isListedAdmin(u)
	}
	return u.Issuer == s.Provider.Issuer()
}

// isListedAdmin reports whether a user is on the list of administrators. Only the configured
// provider can vouch for one.
func (s *Server) isListedAdmin(u storage.User) bool {
	return u.Issuer == s.Provider.Issuer() && s.Policy.IsAdmin(recheck.PersonOf(u.Person))
}

func (*Server) adminStart(w http.ResponseWriter, _ *http.Request, _ admin) error {
	leadTo(w, adminPeoplePath, http.StatusSeeOther)
	return nil
}

// adminTabs lead to the pages for administrators.
func (s *Server) adminTabs(current string) pages.Tabs {
	tabs := pages.Tabs{Current: current, Links: []pages.Link{
		{Text: "People", Href: adminPeoplePath}, {Text: "Apps", Href: adminAppsPath},
		{Text: "Connections", Href: adminConnectionsPath}, {Text: "Events", Href: adminEventsPath},
	}}
	if s.State != nil {
		tabs.Links = append(tabs.Links, pages.Link{Text: "Server", Href: adminServerPath})
	}
	tabs.Links = append(tabs.Links, pages.Link{Text: "Your connections", Href: connectionsPath})
	return tabs
}

// adminView is a page for administrators without its contents.
func (s *Server) adminView(a admin, current, title string) pages.Admin {
	page := pages.Admin{
		Server: s.serverView(), Tabs: s.adminTabs(current), Title: title, SignedInAs: nameOfUser(a.User),
		SignOut: pages.Form{Action: signOutPath, Hidden: []pages.Field{{Name: "csrf", Value: a.secret.csrf(signOutPath)}}},
	}
	if p, ok := s.Provider.(identity.RedirectProvider); ok {
		page.Provider = p.Title()
	}
	return page
}
