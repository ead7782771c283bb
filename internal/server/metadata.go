package server

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// issuer is this server's issuer identifier (RFC 8414 §2) as clients see it.
func (s *Server) issuer() string {
	if s.IssuerSlash {
		return s.BaseURL + "/"
	}
	return s.BaseURL
}

// renderMetadata makes the documents once: they depend on the configuration, never on a
// request; and on whether client documents can be fetched, so there are two of the
// authorization server.
func (s *Server) renderMetadata() error {
	var every oauth.Resources
	for _, n := range s.names {
		every = append(every, n.resources...)
	}
	issuer := oauth.AuthorizationServerMetadata(s.BaseURL, every, s.Documents)
	issuer.Issuer = s.issuer()
	issuer.PolicyURI, issuer.TermsOfServiceURI = s.Brand.Privacy, s.Brand.Terms
	if s.Registration.Closed() {
		issuer.RegistrationEndpoint = ""
	}
	var err error
	if s.metadata, err = json.Marshal(issuer); err != nil {
		return err
	}
	issuer.ClientIDMetadataDocuments = false
	if s.metadataWithoutDocuments, err = json.Marshal(issuer); err != nil {
		return err
	}
	for _, n := range s.names {
		for _, r := range n.resources {
			document, err := json.Marshal(r.Metadata(s.issuer()))
			if err != nil {
				return err
			}
			n.metadata = append(n.metadata, document)
		}
	}
	return nil
}

// issuerMetadata answers with the document of the authorization server (RFC 8414 §3),
// the same at every name. Whether it offers documents depends on whether they can be
// fetched now.
func (s *Server) issuerMetadata(w http.ResponseWriter, _ *http.Request) error {
	if s.DocumentsOffered != nil && !s.DocumentsOffered() {
		return writeMetadata(w, s.metadataWithoutDocuments)
	}
	return writeMetadata(w, s.metadata)
}

// resourceMetadata answers with the document of the resource with an index (RFC 9728 §3)
// as the name that was asked has it: clients compare it with what a person typed.
func (s *Server) resourceMetadata(i int) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return writeMetadata(w, s.nameOf(r).metadata[i])
	}
}

// noDocument answers for documents that do not exist, such as OpenID Connect's,
// with the 404 that clients' discovery continues from, whatever they accept.
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
