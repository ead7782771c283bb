package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// maxMCPBody bounds a message to the MCP endpoint.
	maxMCPBody = 4 << 20
	// touchEvery is the precision of "last used": a write on every call would cost
	// more than the call.
	touchEvery = time.Minute
	// touchWait bounds that write: the call does not depend on it.
	touchWait = 2 * time.Second
)

// guard protects an MCP endpoint: Origin, then authentication for every method and
// before anything else, then the handler.
// i is the index of its resource.
func (s *Server) guard(i int, next http.Handler) http.Handler {
	maxBody := cmp.Or(s.Resources[i].MaxBody, maxMCPBody)
	guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := s.Now()
		access, err := s.enter(w, r, i, now)
		if err != nil {
			s.challenge(w, r, s.nameOf(r).resources[i], err)
			return
		}
		if r.ContentLength > maxBody && !s.Resources[i].Watched { // an upstream's handler says so itself, in JSON-RPC
			s.writeProblem(w, r, errBodyTooLarge)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		r = s.forPrincipal(r, access, now)
		stream(w)
		if s.Resources[i].Watched {
			s.serveWatched(w, r, i, access, next)
			return
		}
		serveAuthenticated(w, r, next)
	})
	return crossOrigin("GET, POST, DELETE, OPTIONS", s.checkOrigin(guarded))
}

// enter returns what a request's token stands for if it gives access to the resource at index
// i. No one may store the response.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, i int, now time.Time) (storage.Access, error) {
	h, resource := w.Header(), s.resources[i]
	h["Cache-Control"], h["Vary"] = noStore, varyOnToken
	access, err := s.authenticate(r, resource, now)
	noteGrant(w, access.ClientID, access.GrantID)
	if required := resource.RequiredScope(); err == nil && !oauth.Has(access.Scope, required) {
		err = oauth.NewError(oauth.InsufficientScope, "the token does not grant access to this server")
	}
	if err == nil {
		err = s.confirmUse(r, access)
	}
	if err == nil && s.mayEnter(access.Resource, recheck.PersonOf(access.User.Person)) != nil {
		err = errInvalidToken
	}
	return access, err
}

// forPrincipal records the use of a grant and returns the request with the user that it is
// for.
func (s *Server) forPrincipal(r *http.Request, a storage.Access, now time.Time) *http.Request {
	p := s.principal(a)
	ctx := storage.WithActor(r.Context(), storage.Actor{Name: p.User.ID, Reference: reference(r)})
	r = r.WithContext(principal.NewContext(ctx, p))
	s.touch(r, a, now)
	s.noteCallName(r, a, now)
	return r
}

// serveAuthenticated hands a request to an MCP server: identity comes from the token alone,
// and the handler needs no credentials.
func serveAuthenticated(w http.ResponseWriter, r *http.Request, next http.Handler) {
	delete(r.Header, "Authorization")
	delete(r.Header, "Cookie")
	next.ServeHTTP(w, r)
}

// principal returns the user that the tools work for.
func (s *Server) principal(a storage.Access) principal.Principal {
	return principal.New(a, s.isListedAdmin(a.User))
}

// authenticate returns what the request's bearer token stands for (RFC 6750).
func (s *Server) authenticate(r *http.Request, resource oauth.Resource, now time.Time) (storage.Access, error) {
	token, err := s.bearer(r)
	if err != nil {
		return storage.Access{}, err
	}
	access, err := s.access(r.Context(), token, now)
	if errors.Is(err, storage.ErrNotFound) && s.adopter.Recognizes(token) {
		access, err = s.adoptAccess(r.Context(), token, now)
	}
	access = s.at(access, resource.URI)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		if oauth.IsPersonalToken(token) && !access.IsPersonal() {
			s.notePersonal(r.Context(), unknownPersonal(), "it has ended, or never was one")
		}
		return access, errInvalidToken
	case err != nil:
		return access, err
	case access.Resource != resource.URI && s.canonical(access.Resource) != resource.URI:
		s.notePersonal(r.Context(), access, "it is for another MCP server")
		return access, errInvalidToken // issued for another resource (RFC 8707 §2)
	case access.Outage != nil:
		s.Metrics.Outage()
		s.Logger.WarnContext(r.Context(), "storage unavailable: accepting a recently verified token", logging.Error, access.Outage)
		access.LastUsedAt = now // nothing to record while nothing can be
	}
	return access, nil
}

// access returns what an access token stands for. The first use of it and its refresh token
// is on record when it returns: its predecessor brings nothing more. No
// response depends on a use that is not, so it is refused while the database cannot write.
func (s *Server) access(ctx context.Context, token string, now time.Time) (storage.Access, error) {
	access, err := s.Store.Access(ctx, storage.HashOf(token), now)
	if err == nil && access.IsPersonal() {
		err = s.admitPersonal(ctx, access)
	}
	switch {
	case err != nil || access.Unused == "":
		return access, err
	case access.Outage != nil:
		return access, access.Outage
	}
	return access, s.Store.UseTokens(ctx, access.Unused, now)
}

// confirmUse has the provider asked about the person of a call when that is due.
func (s *Server) confirmUse(r *http.Request, a storage.Access) error {
	err := s.recheck.ConfirmUse(r.Context(), a)
	if errors.Is(err, recheck.ErrRefused) || errors.Is(err, storage.ErrNotFound) {
		return errInvalidToken
	}
	return err
}

var (
	errNoToken      = oauth.NewError(oauth.InvalidToken, "no access token")
	errInvalidToken = oauth.NewError(oauth.InvalidToken, "the access token is invalid, expired or revoked")
)

// bearer returns the access token of a request.
func (s *Server) bearer(r *http.Request) (string, error) {
	token, err := bearerToken(r)
	if err != nil || oauth.IsAccessToken(token) || oauth.IsPersonalToken(token) {
		return token, err
	}
	if s.adopter.Recognizes(token) && s.adopter.Check(r.Context(), token) == nil {
		return token, nil
	}
	return "", errInvalidToken // the checksum, or the signature, tells without asking the database
}

// bearerToken returns the token of the Authorization header (RFC 6750 §2.1), the
// only place where one is taken from.
func bearerToken(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	inQuery := r.URL.RawQuery != "" && r.URL.Query().Has("access_token")
	switch {
	case len(headers) > 1 || len(headers) == 1 && inQuery:
		return "", oauth.NewError(oauth.InvalidRequest, "more than one access token")
	case len(headers) == 0:
		return "", errNoToken
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errNoToken
	}
	return token, nil
}

// challenge refuses a request to the MCP endpoint (RFC 6750 §3, RFC 9728 §5.1).
func (s *Server) challenge(w http.ResponseWriter, r *http.Request, resource oauth.Resource, err error) {
	problem := s.problemOf(r, err)
	params := oauth.ChallengeParams{Code: problem.Code, Description: problem.Description}
	if errors.Is(err, errNoToken) {
		params = oauth.ChallengeParams{} // no credentials: no error (RFC 6750 §3)
	}
	switch problem.Status {
	case http.StatusServiceUnavailable:
		setRetryAfter(w.Header(), problem.Status, err)
	case http.StatusInternalServerError:
	default:
		w.Header().Set("WWW-Authenticate", resource.Challenge(params))
	}
	if errors.Is(err, errNoToken) && isVisit(r) {
		s.landing(w, r, problem.Status, resource)
		return
	}
	writeJSON(w, problem.Status, problem)
}

// touch records the use of a grant. The call does not depend on it.
func (s *Server) touch(r *http.Request, a storage.Access, now time.Time) {
	if now.Sub(a.LastUsedAt) < touchEvery {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), touchWait)
	defer cancel()
	if err := s.Store.TouchGrant(ctx, a.GrantID, now); err != nil && !errors.Is(err, storage.ErrNotFound) {
		s.Logger.WarnContext(r.Context(), "could not record the use of a grant", logging.Error, err, logging.GrantID, a.GrantID)
	}
}
