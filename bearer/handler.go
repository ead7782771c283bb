package bearer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/cors"
)

// wellKnown is the path of a resource's metadata, with the resource's own path after it
// (RFC 9728 section 3.1).
const wellKnown = "/.well-known/oauth-protected-resource"

// document is the metadata of the protected resource (RFC 9728 section 2).
func document(resource, issuer string, scopes []string) []byte {
	body, err := json.Marshal(map[string]any{
		"resource": resource, "authorization_servers": []string{issuer}, "scopes_supported": scopes,
		"bearer_methods_supported": []string{"header"},
	})
	if err != nil {
		panic(err) // strings can be encoded
	}
	return append(body, '\n')
}

// Handler returns a handler that serves the metadata of the protected resource (RFC 9728)
// and hands all other requests with a valid access token to next, without their
// Authorization and Cookie headers and with the caller in their context (see
// [PersonFrom]). Others get a challenge: 401 without a valid token, 403 when its scope is
// not enough. While mcpkeep cannot be asked they get 503 with Retry-After, so that clients
// keep their tokens. Requests of web pages from other origins are refused, except for
// pages of this machine.
func (g *Guard) Handler(next http.Handler) http.Handler {
	guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Add("Vary", "Authorization")
		person, err := g.authenticate(r)
		if err != nil {
			g.refuse(w, err)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), contextKey{}, person))
		r.Header = r.Header.Clone() // the caller's belongs to what runs before us
		r.Header.Del("Authorization")
		r.Header.Del("Cookie")
		next.ServeHTTP(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == wellKnown || r.URL.EscapedPath() == g.metadata:
			crossOrigin(w, r, http.HandlerFunc(g.serveMetadata))
		case r.Method != http.MethodOptions && !g.allows(r.Header.Get("Origin")):
			problem(w, http.StatusForbidden, "invalid_request", "this origin is not allowed")
		default:
			crossOrigin(w, r, guarded)
		}
	})
}

func (g *Guard) serveMetadata(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		problem(w, http.StatusMethodNotAllowed, "invalid_request", "method not allowed")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(g.document)
}

// crossOrigin lets programs in browsers call, without cookies.
func crossOrigin(w http.ResponseWriter, r *http.Request, next http.Handler) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", cors.Exposed)
	if r.Method != http.MethodOptions {
		next.ServeHTTP(w, r)
		return
	}
	cors.Preflight(w, r, "GET, POST, DELETE, OPTIONS")
}

// allows says whether a page of this origin may connect (MCP transports: DNS rebinding).
// No origin means no browser.
func (g *Guard) allows(origin string) bool {
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") &&
		(isLoopback(u.Hostname()) || u.Scheme == g.resource.Scheme && strings.EqualFold(u.Host, g.resource.Host))
}

var (
	errNoToken  = errors.New("no access token")
	errTwice    = errors.New("more than one access token")
	errInactive = errors.New("the access token is invalid, expired or revoked")
	errScope    = errors.New("the access token does not grant access to this server")
)

// authenticate returns who the token of a request stands for. The Authorization header is
// the only place where one is taken from (RFC 6750 section 2.1).
func (g *Guard) authenticate(r *http.Request) (*Person, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return nil, errTwice
	}
	scheme, token, _ := strings.Cut(strings.Join(headers, ""), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, errNoToken
	}
	person, err := g.tokens.person(r.Context(), strings.TrimSpace(token))
	if err != nil {
		return nil, err
	}
	for _, scope := range g.scopes {
		if !slices.Contains(person.Scopes, scope) {
			return nil, errScope
		}
	}
	return person, nil
}

// refuse answers with a challenge (RFC 6750 section 3, RFC 9728 section 5.1). Clients take
// it apart with regular expressions: one scheme, every value in double quotes.
func (g *Guard) refuse(w http.ResponseWriter, err error) {
	status, code := http.StatusUnauthorized, "invalid_token"
	switch {
	case errors.Is(err, errScope):
		status, code = http.StatusForbidden, "insufficient_scope"
	case errors.Is(err, errTwice):
		status, code = http.StatusBadRequest, "invalid_request"
	case !errors.Is(err, errInactive) && !errors.Is(err, errNoToken):
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
		problem(w, http.StatusServiceUnavailable, "temporarily_unavailable", "the authorization server cannot be asked")
		return
	}
	challenge := `Bearer resource_metadata="` + g.resource.Scheme + "://" + g.resource.Host + g.metadata + `", scope="` + strings.Join(g.scopes, " ") + `"`
	if !errors.Is(err, errNoToken) { // without credentials: no error
		challenge += `, error="` + code + `", error_description="` + err.Error() + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	problem(w, status, code, err.Error())
}

func problem(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": description})
}
