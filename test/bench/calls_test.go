//go:build bench

package bench_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/mcpserver"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	baseURL     = "https://keep.example.com"
	redirectURI = "http://127.0.0.1:33418/callback"

	callRounds, callsEach = 40, 20
	toolCallers           = 8
	throughputAim         = 0.95
)

// measureCalls measures tools/call over HTTP, with the bearer token checked by the
// whole server, compared with the same MCP server without any check. Both are warm.
func measureCalls(t *testing.T, r *report, dbs pair[*database]) {
	t.Helper()
	var sides []func(int)
	for _, d := range dbs {
		store := cache.New(d.store, nil)
		token := d.connect(t, 0).tokens.Access.Value
		access := get(store.Access(t.Context(), storage.HashOf(token), time.Now()))(t)
		mcp := mcpserver.New(mcpserver.Config{Store: store, Version: "bench", BaseURL: baseURL, Logger: discard()})
		open := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mcp.ServeHTTP(w, req.WithContext(principal.NewContext(req.Context(), principal.New(access, false))))
		})
		protected := get(server.New(server.Config{
			BaseURL: baseURL, Name: "bench", Store: store, Logger: discard(), Provider: identity.Local{},
			Resources: []server.Resource{{Path: "/mcp", Handler: mcp}},
			Lifetimes: server.Lifetimes{AccessToken: time.Hour, RefreshToken: time.Hour},
		}))(t)
		sides = append(sides, caller(t, protected.Handler(), token), caller(t, open, token))
	}
	callInTurns(callRounds/10, sides) // warm
	took, processor := callInTurns(callRounds, sides)
	rate := func(i int) float64 { return float64(time.Second) / took[i] }
	r.add(figure{
		what: "tools/call with token check, vs. without, 8 callers", rate: true, format: perSec,
		took: pair[float64]{rate(0), rate(2)}, beside: pair[float64]{rate(1), rate(3)},
		aim: "ratio ≥ 0.95", meets: func(_, ratio float64) bool { return ratio >= throughputAim },
	})
	r.add(figure{
		what: "its processor time, server and callers, vs. without", format: micros,
		took: pair[float64]{processor[0], processor[2]}, beside: pair[float64]{processor[1], processor[3]},
		aim: "ratio ≤ 1.05", meets: func(_, ratio float64) bool { return ratio <= 1/throughputAim },
	})
}

// callInTurns runs all sides in turns, by toolCallers callers, and returns how many
// nanoseconds a call took on each side, and how many of processor time. Both are the lower
// quartile of the turns.
func callInTurns(rounds int, sides []func(int)) (took, processor []float64) {
	took, processor = make([]float64, len(sides)), make([]float64, len(sides))
	turns, busy := make([][]float64, len(sides)), make([][]float64, len(sides))
	for range rounds {
		for i, side := range sides {
			start, before := time.Now(), processorTime()
			var all sync.WaitGroup
			for range toolCallers {
				all.Go(func() {
					for n := range callsEach {
						side(n)
					}
				})
			}
			all.Wait()
			const calls = toolCallers * callsEach
			turns[i] = append(turns[i], float64(time.Since(start))/calls)
			busy[i] = append(busy[i], float64(processorTime()-before)/calls)
		}
	}
	for i := range sides {
		took[i], processor[i] = quartile(turns[i]), quartile(busy[i])
	}
	return took, processor
}

// processorTime is what this process has used so far, in all its threads.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for an invalid argument only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: toolCallers}}
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
