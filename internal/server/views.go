package server

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func (s *Server) showConsentPage(w http.ResponseWriter, ar authorization, form pages.Form, signedInAs string) error {
	view := pages.Consent{
		Form: form, Client: clientView(ar), Server: s.resourceView(ar.request.Resource), SignedInAs: signedInAs, Scopes: s.scopeViews(ar.request),
	}
	if p, ok := s.Provider.(identity.RedirectProvider); ok {
		view.ProviderName, view.Lends = p.Title(), s.lends(ar.request.Resource)
		// Browsers hold the whole chain of redirects after a POST against the
		// page's form-action.
		view.Form.FormActions = []string{p.FormAction()}
	}
	return view.Write(w)
}

func clientView(ar authorization) pages.Client {
	c := ar.client
	return pages.Client{
		Name: c.Name, Claim: c.ClaimedName, ID: c.ID, URI: c.URI, RedirectURI: ar.request.RedirectURI,
		Unknown: ar.toRegister && c.Origin != storage.OriginUnread, Further: ar.further, Verified: c.Origin == storage.OriginOperator, Published: publication(c),
	}
}

// publication is where a client is described, nil for one that registered.
func publication(c storage.Client) *pages.Publication {
	if c.Origin == storage.OriginRegistered || c.Origin == storage.OriginOperator {
		return nil
	}
	return &pages.Publication{
		Host: oauth.MetadataHost(c.ID), Unconfirmed: c.Unconfirmed, LocalOnly: oauth.AllLoopback(c.RedirectURIs),
		Unread: c.Origin == storage.OriginUnread,
	}
}

func (s *Server) serverView() pages.Server {
	return s.brandView(pages.Server{
		Name: s.Name, Host: s.base.Host, Resource: s.resources[0].URI, Plain: s.plain(), Connections: s.BaseURL + connectionsPath,
	})
}

// resourceView is the server as the resource that a client asks for.
func (s *Server) resourceView(uri string) pages.Server {
	view := s.serverView()
	view.Resource = uri
	if i := slices.IndexFunc(s.resources, func(r oauth.Resource) bool { return r.URI == uri }); i >= 0 {
		view.Name = cmp.Or(s.resources[i].Name, view.Name)
	} else if u, err := url.Parse(uri); err == nil {
		view.Name = u.Host // a server that runs elsewhere
	}
	return view
}

// lends reports whether the MCP server at a resource gets the provider's token of its users.
func (s *Server) lends(uri string) bool {
	i := slices.IndexFunc(s.resources, func(r oauth.Resource) bool { return r.URI == s.canonical(uri) })
	return i >= 0 && s.Resources[i].Lends
}

// landing tells a person who opened an MCP endpoint or the root of a name in a browser
// what to do with the address.
func (s *Server) landing(w http.ResponseWriter, r *http.Request, status int, resource oauth.Resource) {
	page := pages.Landing{Status: status, Server: s.resourceView(s.canonical(resource.URI))}
	page.Server.Resource = resource.URI
	if err := page.Write(w); err != nil && r.Context().Err() == nil {
		s.Logger.WarnContext(r.Context(), "could not write the page", logging.Error, err)
	}
}

// isVisit reports whether a person opened an address in a browser. MCP clients do not ask
// for HTML.
func isVisit(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && wantsHTML(r) && r.Header.Get("Authorization") == ""
}

// root answers at the root of a name.
func (s *Server) root(w http.ResponseWriter, r *http.Request) error {
	if !isVisit(r) {
		return s.notFound(w, r)
	}
	s.landing(w, r, http.StatusOK, s.nameOf(r).resources[0])
	return nil
}

func (s *Server) scopeViews(req storage.Request) []pages.Scope {
	var views []pages.Scope
	target, _ := s.resources.Find(req.Resource) // the zero value stands for one elsewhere
	for _, sc := range target.Describe(req.Scope) {
		views = append(views, pages.Scope{Name: sc.Name, Description: sc.Description})
	}
	return views
}
