package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// probed is a store that counts how often it is asked whether it is ready, and waits before
// each answer.
type probed struct {
	Store
	asked atomic.Int64
	wait  func(context.Context) error
}

func (p *probed) Ready(ctx context.Context) error {
	p.asked.Add(1)
	return p.wait(ctx)
}

func (*probed) InstanceID(context.Context) (string, error) { return "this", nil }

func serverOf(store Store) *Server {
	return &Server{Config: Config{Store: store, Logger: slog.New(slog.DiscardHandler), ClockOffset: func() (offset, doubt time.Duration, known bool) {
		return -5 * time.Minute, time.Millisecond, true
	}}}
}

func probe(t *testing.T, s *Server) (int, readiness) {
	t.Helper()
	w := httptest.NewRecorder()
	s.readyz(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody))
	var answer readiness
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Error(err)
	}
	return w.Code, answer
}

// TestReadyFlood: any number of probes costs the database one check a second.
func TestReadyFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &probed{wait: func(context.Context) error { time.Sleep(10 * time.Millisecond); return nil }}
		s := serverOf(store)
		var probes sync.WaitGroup
		for range 1000 { // in ten seconds
			for range 20 {
				probes.Go(func() {
					if status, answer := probe(t, s); status != http.StatusOK || answer.Instance != "this" || *answer.ClockOffset != -300 {
						t.Errorf("%d %+v", status, answer)
					}
				})
			}
			time.Sleep(10 * time.Millisecond)
		}
		probes.Wait()
		if n := store.asked.Load(); n < 9 || n > 11 {
			t.Errorf("20,000 probes in 10 s came to %d checks, want one a second", n)
		}
	})
}

// TestReadyHanging: a database that never answers, and a driver that does not even notice
// the deadline, is 503 within the bound, for all who wait.
func TestReadyHanging(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		store := &probed{wait: func(context.Context) error { <-release; return nil }}
		s := serverOf(store)
		var probes sync.WaitGroup
		for range 100 {
			probes.Go(func() {
				began := time.Now()
				status, answer := probe(t, s)
				if status != http.StatusServiceUnavailable || answer.Reason != "the database is not responding" {
					t.Errorf("%d %+v", status, answer)
				}
				if took := time.Since(began); took > readyWithin {
					t.Errorf("answered after %v", took)
				}
			})
		}
		probes.Wait()
		if n := store.asked.Load(); n != 1 {
			t.Errorf("%d checks at a time", n)
		}
		close(release)
		time.Sleep(readyFor)
		if status, answer := probe(t, s); status != http.StatusOK {
			t.Errorf("afterwards: %d %+v", status, answer)
		}
	})
}
