package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// maxClaim bounds the message that is searched for a name: an initialize request is
	// far smaller.
	maxClaim = 64 << 10
	// maxClaimedName bounds the name, in runes.
	maxClaimedName = 80
	// claimWait bounds the work on it: no request depends on it.
	claimWait = 2 * time.Second
)

// noteCallName keeps what the client of a call calls itself, for clients that are not
// known by a name of their own.
func (s *Server) noteCallName(r *http.Request, a storage.Access, now time.Time) {
	if a.Outage == nil && r.Method == http.MethodPost {
		s.claim(r, storage.NameClaim{ClientID: a.ClientID, Name: claimedName(peek(r))}, now)
	}
}

// noteAgentName keeps the name of the program that a client without a name uses at the token
// endpoint.
func (s *Server) noteAgentName(r *http.Request, c storage.Client) {
	if c.Name == "" && c.ClaimedName == "" {
		s.claim(r, storage.NameClaim{ClientID: c.ID, Name: agentName(r.Header.Get("User-Agent")), Weak: true}, s.Now())
	}
}

// claim keeps a name unless it is empty. The request does not depend on it.
func (s *Server) claim(r *http.Request, c storage.NameClaim, now time.Time) {
	if c.Name == "" {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), claimWait)
	defer cancel()
	if err := s.Store.ClaimName(ctx, c, now); err != nil {
		s.Logger.WarnContext(r.Context(), "could not keep the name of a client", logging.Error, err, logging.ClientID, c.ClientID)
	}
}

// peek returns the body of a request if it is known to be small, and leaves it to be read
// again. Others may be streams that the handler answers while they arrive.
func peek(r *http.Request) []byte {
	if r.ContentLength <= 0 || r.ContentLength > maxClaim {
		return nil
	}
	body := make([]byte, r.ContentLength)
	n, err := io.ReadFull(r.Body, body)
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body[:n]), r.Body), r.Body} // which fails again if it did
	if err != nil {
		return nil
	}
	return body
}

// implementation is how a client describes itself (MCP, Implementation). Title is for
// people and newer.
type implementation struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// claimedName returns what a client calls itself in a message: in the parameters of
// initialize, or since revision 2026-07-28 in the metadata of each request. "" for none.
func claimedName(message []byte) string {
	if !bytes.Contains(message, []byte("lientInfo")) { // few messages before that revision
		return ""
	}
	var m struct {
		Method string `json:"method"`
		Params struct {
			Client implementation `json:"clientInfo"`
			Meta   struct {
				Client implementation `json:"io.modelcontextprotocol/clientInfo"`
			} `json:"_meta"`
		} `json:"params"`
	}
	if err := json.Unmarshal(message, &m); err != nil && !isTypeError(err) {
		return "" // the endpoint tells the client
	}
	client := m.Params.Meta.Client
	if m.Method == "initialize" {
		client = m.Params.Client
	}
	return display.Line(cmp.Or(strings.TrimSpace(client.Title), client.Name), maxClaimedName)
}

// isTypeError reports whether JSON is well-formed, with a value of another type than
// expected.
func isTypeError(err error) bool {
	wrong := new(json.UnmarshalTypeError)
	return errors.As(err, &wrong)
}

// libraries are products that name the HTTP library of a client and not the client, in
// lower case: of fetch in Node.js, Deno, Bun and browsers, Python, Go, Rust, Java, .NET
// and command lines.
var libraries = []string{
	"mozilla", "node", "node-fetch", "undici", "axios", "got", "deno", "bun", "python", "python-httpx", "python-requests", "python-urllib",
	"aiohttp", "go-http-client", "reqwest", "hyper", "ureq", "java", "java-http-client", "okhttp", "ktor-client", "apache-httpclient",
	"dart", "curl", "wget", "guzzlehttp", "ruby", "faraday",
}

// agentName returns the product of a User-Agent header without its version, "" if it is a
// library's.
func agentName(userAgent string) string {
	name, _, _ := strings.Cut(product(userAgent), "/")
	if slices.Contains(libraries, strings.ToLower(name)) {
		return ""
	}
	return name
}
