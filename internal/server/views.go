package server

import (
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
)

func (s *Server) showConsentPage(w http.ResponseWriter, ar authorization, form pages.Form, signedInAs string) {
	view := pages.Consent{
		Form: form, Client: clientView(ar), Server: s.serverView(), SignedInAs: signedInAs, Scopes: scopeViews(ar.request.Scope),
	}
	if s.Upstream != nil {
		view.ProviderName = providerTitle(s.Upstream)
	}
	s.pages.Consent(w, http.StatusOK, view, s.formActions(ar.request.RedirectURI))
}

// formActions are the places that a form's answer may redirect to: browsers
// hold the whole chain after a POST against the page's form-action.
func (s *Server) formActions(redirectURI string) []string {
	actions := []string{pages.FormActionSource(redirectURI)}
	if s.Upstream != nil {
		actions = append(actions, s.Upstream.FormActionOrigin())
	}
	return actions
}

func clientView(ar authorization) pages.Client {
	return pages.Client{Name: ar.client.Name, ID: ar.client.ID, URI: ar.client.URI, RedirectURI: ar.request.RedirectURI}
}

func (s *Server) serverView() pages.Server {
	return pages.Server{Name: s.Name, Host: s.base.Host, Resource: s.resource.String()}
}

func scopeViews(scope string) []pages.Scope {
	var views []pages.Scope
	for _, sc := range oauth.DescribeScopes(scope) {
		views = append(views, pages.Scope{Name: sc.Name, Description: sc.Description})
	}
	return views
}

// providerTitle is a provider's name as people write it.
func providerTitle(u identity.Upstream) string {
	if u.Name() == "github" {
		return "GitHub"
	}
	return u.Name()
}
