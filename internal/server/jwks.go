package server

import (
	"net/http"
	"strconv"
	"time"
)

// JWKSPath is where the key set is that verifies identity assertions.
const JWKSPath = "/.well-known/jwks.json"

// assertionKeys answers with the key set (RFC 7517 §5) for the MCP servers behind this one.
// The authorization server's metadata does not name it: jwks_uri is for what clients verify
// (RFC 8414 §2), and no client gets anything signed.
func (s *Server) assertionKeys(w http.ResponseWriter, r *http.Request) error {
	if s.AssertionKeys == nil {
		return errNothingHere
	}
	document, keep, err := s.AssertionKeys(r.Context())
	if err != nil {
		return err
	}
	if keep > 0 {
		w.Header().Set("Cache-Control", "public, max-age="+strconv.FormatInt(int64(keep/time.Second), 10))
	}
	writeRawJSON(w, http.StatusOK, document)
	return nil
}
