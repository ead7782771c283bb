package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// metricRoutes returns the paths of endpoints and what metrics call them.
func (s *Server) metricRoutes() map[string]string {
	routes := map[string]string{
		"/authorize": metrics.RouteAuthorize, "/consent": metrics.RouteConsent, "/consent/submit": metrics.RouteConsent,
		s.CallbackPath: metrics.RouteCallback, "/token": metrics.RouteToken, "/revoke": metrics.RouteRevoke,
		"/introspect": metrics.RouteIntrospect, "/register": metrics.RouteRegister, VerifyPath: metrics.RouteVerify,
	}
	for _, r := range s.Resources {
		routes[r.Path], routes[r.Path+"/"] = metrics.RouteMCP, metrics.RouteMCP
	}
	for _, paths := range [][]string{healthPaths, readyPaths} {
		for _, path := range paths {
			routes[path] = metrics.RouteHealth
		}
	}
	return routes
}

// routeOf returns what metrics call the endpoint at a path.
func (s *Server) routeOf(path string) string {
	if route := s.routes[path]; route != "" {
		return route
	}
	switch {
	case strings.HasPrefix(path, "/.well-known/"):
		return metrics.RouteMetadata
	case strings.HasPrefix(path, "/register/"):
		return metrics.RouteManage
	}
	return metrics.RouteOther
}

// countRegistration counts how registrations end.
func (s *Server) countRegistration(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		outcome := metrics.Unavailable
		var refused *oauth.Error
		switch {
		case err == nil:
			outcome = metrics.Created
		case errors.Is(err, storage.ErrFull):
			outcome = metrics.Full
		case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError:
			outcome = metrics.Refused
		}
		s.Metrics.Registration(outcome)
		return err
	}
}

// refreshOutcome is how a refresh ended, by the error before it is made to reveal nothing.
func refreshOutcome(issued storage.Issued, err error) metrics.Outcome {
	var refused *oauth.Error
	switch {
	case err == nil && issued.Repeated:
		return metrics.Repeated
	case err == nil:
		return metrics.OK
	case errors.Is(err, storage.ErrSpent):
		return metrics.Reused
	case errors.Is(err, recheck.ErrRefused):
		return metrics.Refused
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, storage.ErrBusy), errors.Is(err, identity.ErrUnavailable),
		errors.Is(err, identity.ErrMisconfigured):
		return metrics.Unavailable
	case errors.As(err, &refused) && refused.Status >= http.StatusInternalServerError:
		return metrics.Unavailable
	}
	return metrics.Invalid
}

// countAuthorization counts an authorization request, and a client that it names and that is
// not registered, unless its page says so, which counts it.
func (s *Server) countAuthorization(ar authorization, err error) {
	if err != nil {
		s.Metrics.Authorization(metrics.Invalid)
		return
	}
	s.Metrics.Authorization(metrics.Shown)
	if ar.toRegister && ar.client.Origin != storage.OriginUnread {
		s.Metrics.UnknownClient(metrics.RouteAuthorize)
	}
}

// countGranted counts an authorization that was granted.
func (s *Server) countGranted(c storage.Completion) {
	s.Metrics.Authorization(metrics.Granted)
	if c.Client != nil || c.Further {
		s.Metrics.Readopted()
	}
}

// passwordOutcome is how a try with the local password ended.
func passwordOutcome(err error) metrics.Outcome {
	switch {
	case err == nil:
		return metrics.OK
	case errors.Is(err, errWrongPassword):
		return metrics.Refused
	case errors.Is(err, storage.ErrThrottled):
		return metrics.Throttled
	}
	return metrics.Failed
}

// providerOutcome is how a sign-in at the provider ended.
func providerOutcome(err error) metrics.Outcome {
	var refusal *identity.RefusedError
	switch {
	case err == nil:
		return metrics.OK
	case errors.As(err, &refusal):
		return metrics.Refused
	case errors.Is(err, errFlowFinished), errors.Is(err, storage.ErrSpent):
		return "" // counted when it was new
	}
	return metrics.Failed
}
