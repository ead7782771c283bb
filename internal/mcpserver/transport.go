package mcpserver

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// transport is HTTP in front of the protocol.
func (s *service) transport(m *server.MCPServer) http.Handler {
	streamable := server.NewStreamableHTTPServer(m,
		server.WithStateLess(true),
		server.WithDisableStreaming(true),
		// The middleware in front compares Host with the configured base URL,
		// also behind a proxy on this machine.
		server.WithDisableLocalhostProtection(true),
		server.WithStreamableHTTPLogger(s.Logger),
		server.WithHTTPContextFunc(func(ctx context.Context, _ *http.Request) context.Context {
			return withRequestSession(ctx, m)
		}),
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := principal.FromContext(r.Context()); !ok {
			s.refuseStranger(w, r)
			return
		}
		// Without sessions and server-sent messages, GET and DELETE have nothing
		// to do in any revision.
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "only POST is supported", http.StatusMethodNotAllowed)
			return
		}
		a := &response{ResponseWriter: w}
		r = withoutLegacyHeaders(r.WithContext(withResponse(r.Context(), a)))
		a.id = keepID(r)
		streamable.ServeHTTP(a, r)
	})
}

// withoutLegacyHeaders drops headers that mean nothing to a server without
// sessions and resumable streams, and that must be ignored (2026-07-28, basic,
// transports, backwards compatibility); mcp-go refuses the second one.
func withoutLegacyHeaders(r *http.Request) *http.Request {
	if r.Header.Get(mcp.HeaderSessionID) == "" && r.Header.Get(mcp.HeaderLastEventID) == "" {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Del(mcp.HeaderSessionID)
	r.Header.Del(mcp.HeaderLastEventID)
	return r
}

// requestSession is the session of a single request. mcp-go keeps running calls
// by session and request id, and without sessions all people share the empty
// one: anyone's notifications/cancelled would end everyone's call with that ID.
type requestSession struct {
	server.ClientSession
	id string
}

func (s requestSession) SessionID() string { return s.id }

func withRequestSession(ctx context.Context, m *server.MCPServer) context.Context {
	return m.WithContext(ctx, requestSession{ClientSession: server.ClientSessionFromContext(ctx), id: rand.Text()})
}

// refuseStranger answers a request that no middleware vouched for. That is a
// mistake in the wiring, not the client's.
func (s *service) refuseStranger(w http.ResponseWriter, r *http.Request) {
	ref := newReference()
	ctx := storage.WithActor(r.Context(), storage.Actor{Reference: ref})
	s.Logger.ErrorContext(ctx, "request without a principal at the MCP endpoint", logging.Method, r.Method)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(mcp.NewJSONRPCError(
		mcp.NewRequestId(nil), mcp.INTERNAL_ERROR, "internal error, reference "+ref, nil))
}
