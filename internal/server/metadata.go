package server

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// renderMetadata makes both documents once: they depend on the configured base
// URL alone, never on a request.
func (s *Server) renderMetadata() error {
	var err error
	issuer := oauth.AuthorizationServerMetadata(s.BaseURL, s.Documents)
	if s.Registration.Closed() {
		issuer.RegistrationEndpoint = ""
	}
	if s.metadata.authorizationServer, err = json.Marshal(issuer); err != nil {
		return err
	}
	s.metadata.protectedResource, err = json.Marshal(oauth.ProtectedResourceMetadata(s.BaseURL, s.Name))
	return err
}

// authorizationServerMetadata answers RFC 8414 §3.
func (s *Server) authorizationServerMetadata(w http.ResponseWriter, _ *http.Request) error {
	return writeMetadata(w, s.metadata.authorizationServer)
}

// protectedResourceMetadata answers RFC 9728 §3.
func (s *Server) protectedResourceMetadata(w http.ResponseWriter, _ *http.Request) error {
	return writeMetadata(w, s.metadata.protectedResource)
}

// noDocument answers for documents that do not exist, such as OpenID Connect's,
// with the 404 that clients' discovery goes on from, whatever they accept.
func (s *Server) noDocument(http.ResponseWriter, *http.Request) error { return errNothingHere }

// openAIChallenge proves to OpenAI that the server's owner holds this host.
func (s *Server) openAIChallenge(w http.ResponseWriter, _ *http.Request) error {
	if s.OpenAIChallenge == "" {
		return errNothingHere
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, err := io.WriteString(w, s.OpenAIChallenge)
	return err
}

func writeMetadata(w http.ResponseWriter, document []byte) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeRawJSON(w, http.StatusOK, document)
	return nil
}
