package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// VerifyPath is where a proxy that passes requests on to an upstream by itself asks about each
// of them: nginx's auth_request, Traefik's ForwardAuth, Envoy's ext_authz, Caddy's
// forward_auth.
const VerifyPath = "/auth/verify"

// Front is what VerifyPath tells a proxy about an upstream.
type Front struct {
	Upstream string // its name, by which the proxy asks
	// Unfit says why no proxy can guard the upstream; nil if one can.
	Unfit error
	// Identify sets the headers that tell the upstream who calls.
	Identify func(context.Context, http.Header, principal.Principal) error
}

// verifies are the methods of VerifyPath. Envoy asks with the method of the request that it
// asks about, the others with GET.
const verifies methods = "GET, HEAD, POST, DELETE, OPTIONS"

var (
	errUpstreamParameter = oauth.NewError(oauth.InvalidRequest, "the parameter upstream is needed once")
	errNoUpstream        = &oauth.Error{
		Code: oauth.InvalidRequest, Status: http.StatusNotFound, Description: "no upstream of this name can be guarded by a proxy in front",
	}
)

// verification answers a proxy in front. It decides as the upstream's endpoint here does, by
// the access token and the name of the upstream alone: what the request says of the host, the
// path or the user means nothing. The body is not read.
func (s *Server) verification() http.Handler {
	return crossOrigin(string(verifies), s.checkOrigin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			w.Header().Set("Connection", "close") // a proxy may announce the body and keep it
		}
		if !verifies.allow(r.Method) {
			w.Header().Set("Allow", string(verifies))
			s.writeProblem(w, r, errMethod)
			return
		}
		leave, err := s.bounds.verification.enter(r.Context())
		if err == nil {
			defer leave()
			err = s.answerProxy(w, r)
		}
		if err != nil {
			s.writeProblem(w, r, err)
		}
	})))
}

// answerProxy answers 200 with the headers that identify the caller, or with the challenge of the
// upstream's resource. An error is about the proxy's configuration.
func (s *Server) answerProxy(w http.ResponseWriter, r *http.Request) error {
	i, err := s.guardedBy(r)
	if err != nil {
		return err
	}
	front := s.Resources[i].Front
	if front.Unfit != nil {
		s.Logger.ErrorContext(r.Context(), "a proxy in front cannot guard this upstream", "upstream", front.Upstream, logging.Error, front.Unfit)
		return &oauth.Error{Code: oauth.ServerError, Status: http.StatusInternalServerError, Description: "not set up correctly, reference " + reference(r)}
	}
	now := s.Now()
	access, err := s.enter(w, r, i, now)
	if err != nil {
		s.challenge(w, r, s.nameOf(r).resources[i], err)
		return nil
	}
	r = s.forPrincipal(r, access, now)
	identity := http.Header{}
	p, _ := principal.FromContext(r.Context()) // which forPrincipal has set
	if err := front.Identify(r.Context(), identity, p); err != nil {
		return err
	}
	for name, values := range identity {
		w.Header()[name] = values
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// guardedBy returns the index of the resource that a proxy asks about.
func (s *Server) guardedBy(r *http.Request) (int, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query["upstream"]) != 1 {
		return 0, errUpstreamParameter
	}
	i := slices.IndexFunc(s.Resources, func(r Resource) bool { return r.Front != nil && r.Front.Upstream == query.Get("upstream") })
	if i < 0 {
		return 0, errNoUpstream
	}
	return i, nil
}
