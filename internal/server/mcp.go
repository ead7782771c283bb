package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	// maxMCPBody bounds a message to the MCP endpoint.
	maxMCPBody = 4 << 20
	// touchEvery is how exact "last used" is: a write for every call would be
	// dearer than the call.
	touchEvery = time.Minute
	// touchWait bounds that write: the call does not depend on it.
	touchWait = 2 * time.Second
)

// mcp guards the MCP endpoint: Origin, then authentication for every method and
// before anything else, then the handler.
func (s *Server) mcp() http.Handler {
	guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Authorization")
		access, err := s.authenticate(r)
		if err == nil && !oauth.Has(access.Scope, oauth.ScopeMCP) {
			err = oauth.NewError(oauth.InsufficientScope, "the token does not allow to use this server")
		}
		if err != nil {
			s.challenge(w, r, err)
			return
		}
		if r.ContentLength > maxMCPBody {
			s.writeProblem(w, r, errBodyTooLarge)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxMCPBody)
		r = by(r, access.User.ID)
		s.touch(r, access)
		// Identity comes from the token alone; the handler needs none of this.
		r.Header.Del("Authorization")
		r.Header.Del("Cookie")
		s.MCP.ServeHTTP(w, r.WithContext(mcpserver.WithCaller(r.Context(), s.caller(access))))
	})
	return s.checkOrigin(cors("GET, POST, DELETE, OPTIONS", guarded))
}

// caller is who the tools work for. An administrator is one by the name that
// the configured provider vouches for.
func (s *Server) caller(a storage.Access) mcpserver.Caller {
	issuer := identity.LocalIssuer
	if s.Upstream != nil {
		issuer = s.Upstream.Issuer()
	}
	person := identity.Person{
		Issuer: a.User.Issuer, Subject: a.User.Subject, Login: a.User.Login, Email: a.User.Email,
		EmailVerified: a.User.Email != "", // no other is kept
	}
	return mcpserver.Caller{Access: a, Admin: a.User.Issuer == issuer && s.Policy.IsAdmin(person)}
}

// authenticate returns what the request's bearer token stands for (RFC 6750).
func (s *Server) authenticate(r *http.Request) (storage.Access, error) {
	token, err := bearer(r)
	if err != nil {
		return storage.Access{}, err
	}
	access, err := s.Store.Access(r.Context(), storage.HashOf(token), s.Now())
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return access, errInvalidToken
	case err != nil:
		return access, err
	case access.Resource != s.resource.String():
		return access, errInvalidToken // issued for another resource (RFC 8707 §2)
	case access.Outage != nil:
		s.log(r).Warn("storage unavailable: going on with a token seen lately", "error", access.Outage)
		access.LastUsedAt = s.Now() // nothing to record while nothing can be
	}
	return access, nil
}

var (
	errNoToken      = oauth.NewError(oauth.InvalidToken, "no access token")
	errInvalidToken = oauth.NewError(oauth.InvalidToken, "the access token is invalid, expired or revoked")
)

// bearer returns the access token of a request.
func bearer(r *http.Request) (string, error) {
	token, err := bearerToken(r)
	if err == nil && !oauth.IsAccessToken(token) {
		return "", errInvalidToken // the checksum tells without asking the database
	}
	return token, err
}

// bearerToken returns the token of the Authorization header (RFC 6750 §2.1), the
// only place where one is taken from.
func bearerToken(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	inQuery := r.URL.Query().Has("access_token")
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
func (s *Server) challenge(w http.ResponseWriter, r *http.Request, err error) {
	problem := s.problemOf(r, err)
	params := oauth.ChallengeParams{Code: problem.Code, Description: problem.Description}
	if errors.Is(err, errNoToken) {
		params = oauth.ChallengeParams{} // no credentials: no error (RFC 6750 §3)
	}
	switch problem.Status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	case http.StatusInternalServerError:
	default:
		w.Header().Set("WWW-Authenticate", s.resource.Challenge(params))
	}
	writeJSON(w, problem.Status, problem)
}

// touch records the use of a grant. That it fails is no reason to refuse.
func (s *Server) touch(r *http.Request, a storage.Access) {
	if s.Now().Sub(a.LastUsedAt) < touchEvery {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), touchWait)
	defer cancel()
	if err := s.Store.TouchGrant(ctx, a.GrantID, s.Now()); err != nil && !errors.Is(err, storage.ErrNotFound) {
		s.log(r).Warn("could not record the use of a grant", "error", err, "grant_id", a.GrantID)
	}
}

// checkOrigin refuses web pages of other origins (MCP transport: DNS rebinding).
// Pages of this machine, such as the Inspector's, may connect; no Origin means
// no browser. A preflight carries nothing and gets its answer.
func (s *Server) checkOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin != "" && r.Method != http.MethodOptions && !s.allowsOrigin(origin) {
			s.log(r).Warn("foreign origin", "event", "origin_refused")
			writeJSON(w, http.StatusForbidden, &oauth.Error{Code: oauth.InvalidRequest, Description: "this origin may not connect"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) allowsOrigin(origin string) bool {
	if origin == s.BaseURL {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && isLoopbackHost(u.Host) && u.Path == "" && u.User == nil
}
