package server

import (
	"net/http"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func (s *Server) showConsentPage(w http.ResponseWriter, ar authorization, form pages.Form, signedInAs string) error {
	view := pages.Consent{
		Form: form, Client: clientView(ar), Server: s.serverView(), SignedInAs: signedInAs, Scopes: scopeViews(ar.request.Scope),
	}
	if s.Upstream != nil {
		view.ProviderName = s.Upstream.Title()
		// Browsers hold the whole chain of redirects after a POST against the
		// page's form-action.
		view.Form.FormActions = []string{s.Upstream.FormAction()}
	}
	return view.Write(w)
}

func clientView(ar authorization) pages.Client {
	c := ar.client
	return pages.Client{
		Name: c.Name, ID: c.ID, URI: c.URI, RedirectURI: ar.request.RedirectURI,
		Unknown: ar.anew, Verified: c.Origin == storage.OriginOperator, Published: publication(c),
	}
}

// publication is where a client is described, nil for one that registered.
func publication(c storage.Client) *pages.Publication {
	if c.Origin == storage.OriginRegistered || c.Origin == storage.OriginOperator {
		return nil
	}
	onTheWeb := slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return !oauth.IsLoopback(uri) })
	return &pages.Publication{Host: oauth.MetadataHost(c.ID), Unconfirmed: c.Unconfirmed, LocalOnly: !onTheWeb}
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
