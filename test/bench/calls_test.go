//go:build bench

package bench_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	baseURL     = "https://keep.example.com"
	redirectURI = "http://127.0.0.1:33418/callback"

	callRounds, callsEach = 150, 20
	throughputAim         = 0.95
)

// measureCalls measures tools/call over HTTP, with the bearer token checked by the
// whole server, beside the same MCP server without any check. Both are warm.
func measureCalls(t *testing.T, r *report, dbs pair[*database]) {
	t.Helper()
	var sides []func(int)
	for _, d := range dbs {
		store := cache.New(d.store, nil)
		token := d.connect(t, 0).tokens.Access.Value
		access := get(store.Access(t.Context(), storage.HashOf(token), time.Now()))(t)
		mcp := mcpserver.New(mcpserver.Config{Store: store, Version: "bench", BaseURL: baseURL, Logger: discard()})
		open := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mcp.ServeHTTP(w, req.WithContext(mcpserver.WithCaller(req.Context(), mcpserver.Caller{Access: access})))
		})
		protected := get(server.New(server.Config{
			BaseURL: baseURL, Name: "bench", Store: store, MCP: mcp, Logger: discard(),
			Lifetimes: server.Lifetimes{AccessToken: time.Hour, RefreshToken: time.Hour},
		}))(t)
		sides = append(sides, caller(t, protected.Handler(), token), caller(t, open, token))
	}
	inTurns(callRounds/10, callsEach, sides...) // warm
	took := inTurns(callRounds, callsEach, sides...)
	rate := func(i int) float64 { return float64(time.Second) / took[i] }
	r.add(figure{
		what: "tools/call with a checked token, beside the same without a check", rate: true, format: perSec,
		took: pair[float64]{rate(0), rate(2)}, beside: pair[float64]{rate(1), rate(3)},
		aim: "ratio ≥ 0.95", meets: func(_, ratio float64) bool { return ratio >= throughputAim },
	})
}

// discard is a logger as in production whose lines go nowhere.
func discard() *slog.Logger {
	return slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // DiscardHandler would not even make the lines
}

// caller serves a handler on loopback and returns a function that calls a tool.
func caller(t *testing.T, handler http.Handler, token string) func(int) {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return func(int) {
		body := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}`)
		req := get(http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/mcp", body))(t)
		req.Host = strings.TrimPrefix(baseURL, "https://")
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		res := get(client.Do(req))(t)
		answer := get(io.ReadAll(res.Body))(t)
		must(t, res.Body.Close())
		if res.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"user_id"`) {
			t.Fatalf("%d %s", res.StatusCode, answer)
		}
	}
}
