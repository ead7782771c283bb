package server

import (
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/brand"
	"github.com/mcpkeep/mcpkeep/internal/pages"
)

// Brand is what the pages show of who runs the server.
type Brand struct {
	Logo           *brand.Logo  // nil for none
	Theme          *pages.Theme // nil for the usual one
	Support        pages.Support
	Terms, Privacy string // https URLs; "" for none
}

const logoPath = "/logo"

// logo answers with the operator's image.
func (s *Server) logo(w http.ResponseWriter, r *http.Request) error {
	if s.Brand.Logo == nil {
		return s.notFound(w, r)
	}
	pages.SetImageHeaders(w.Header(), s.Brand.Logo.Type)
	_, err := w.Write(s.Brand.Logo.Image)
	return err
}

// brandView adds to a view what the operator chose.
func (s *Server) brandView(view pages.Server) pages.Server {
	if s.Brand.Logo != nil {
		view.Logo = logoPath
	}
	view.Theme, view.Support, view.Terms, view.Privacy = s.Brand.Theme, s.Brand.Support, s.Brand.Terms, s.Brand.Privacy
	return view
}
