package cimd_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cimd"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// document is a valid one.
func document(id, name string) string {
	return fmt.Sprintf(`{"client_id":%q,"client_name":%q,"redirect_uris":["http://127.0.0.1/callback"],"token_endpoint_auth_method":"none"}`, id, name)
}

// TestFreshness: CIMD-08: HTTP's rules, with a floor and a ceiling.
func TestFreshness(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"":                   time.Hour,
		"max-age=0":          5 * time.Minute,
		"no-store":           5 * time.Minute,
		"max-age=60":         5 * time.Minute,
		"max-age=900":        15 * time.Minute,
		"max-age=86400":      24 * time.Hour,
		"max-age=31536000":   24 * time.Hour,
		"public, max-age=7e": 5 * time.Minute,
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			w := sqlite(t)
			id := w.URL + "/c.json"
			w.Handle("/c.json", func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				rw.Header().Set("Cache-Control", header)
				_, _ = fmt.Fprint(rw, document(id, "Name"))
			})
			ask := func(want int) {
				t.Helper()
				if _, err := w.find(t, id); err != nil {
					t.Fatal(err)
				}
				if n := w.Requests("/c.json"); n != want {
					t.Errorf("%d requests, want %d", n, want)
				}
			}
			ask(1)
			w.clock.advance(want - time.Second)
			ask(1)
			w.clock.advance(time.Second)
			ask(2)
			ask(2)
		})
	}
}

// TestRevalidation: CIMD-08, CIMD-15. A document that has changed is what it is now;
// one that has not is not sent again.
func TestRevalidation(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	id := w.URL + "/c.json"
	var version, sent atomic.Int64
	w.Handle("/c.json", func(rw http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf(`"v%d"`, version.Load())
		rw.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		sent.Add(1)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(rw, document(id, tag[1:3]))
	})
	for i, want := range []struct {
		version  int64
		name     string
		sent     int64
		requests int
	}{{0, "v0", 1, 1}, {0, "v0", 1, 2}, {0, "v0", 1, 3}, {1, "v1", 2, 4}, {1, "v1", 2, 5}} {
		version.Store(want.version)
		got, err := w.find(t, id)
		if err != nil || got.Name != want.name || sent.Load() != want.sent || w.Requests("/c.json") != want.requests ||
			!got.ConfirmedAt.Equal(w.clock.Now()) {
			t.Errorf("%d: %q, %v, sent %d times of %d", i, got.Name, err, sent.Load(), w.Requests("/c.json"))
		}
		w.clock.advance(2 * time.Hour)
	}
}

// TestStaleIfError: CIMD-09. What was valid stands in while the site is away or has
// no valid document, however long; the site is asked less and less, and what it
// says counts as soon as it is back.
func TestStaleIfError(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := begin(t, e)
		id := w.Publish("/c.json")
		if _, err := w.find(t, id); err != nil {
			t.Fatal(err)
		}
		confirmed := w.clock.Now()
		w.Fail(fetchtest.Down)
		for _, fault := range []http.HandlerFunc{fetchtest.Down, fetchtest.Blocked, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write([]byte(`{"client_id":"https://evil.test/"}`))
		}} {
			w.Fail(fault)
			w.clock.advance(30 * 24 * time.Hour)
			before := w.Requests("")
			for range 5 {
				got, err := w.find(t, id)
				if err != nil || got.Name == "" || !got.Unconfirmed || !got.ConfirmedAt.Equal(confirmed) {
					t.Fatalf("got %+v, %v", got, err)
				}
			}
			if n := w.Requests("") - before; n != 1 {
				t.Errorf("E4: asked %d times", n)
			}
			w.clock.advance(15 * time.Minute)
			if _, err := w.find(t, id); err != nil || w.Requests("")-before != 2 {
				t.Errorf("a quarter of an hour later: %v, asked %d times", err, w.Requests("")-before)
			}
		}
		w.Fail(nil)
		w.Publish("/c.json", map[string]any{"client_name": "Back"})
		w.clock.advance(15 * time.Minute)
		if got, err := w.find(t, id); err != nil || got.Name != "Back" || got.Unconfirmed || !got.ConfirmedAt.Equal(w.clock.Now()) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// TestStaleWhileSlow: a site that hangs holds no one up for long, when there is
// something to continue with.
func TestStaleWhileSlow(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	id := w.Publish("/c.json")
	if _, err := w.find(t, id); err != nil {
		t.Fatal(err)
	}
	w.clock.advance(2 * time.Hour)
	w.Fail(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	began := time.Now()
	if _, err := w.find(t, id); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
	began = time.Now()
	for range 20 {
		if _, err := w.find(t, id); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("20 more took %v", took)
	}
}

// TestReplicasShare: of any number of replicas and requests one fetches, and all get
// what it got. A restart fetches nothing.
func TestReplicasShare(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := begin(t, e)
		id := w.URL + "/c.json"
		w.Handle("/c.json", func(rw http.ResponseWriter, _ *http.Request) {
			time.Sleep(200 * time.Millisecond)
			rw.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(rw, document(id, "Name"))
		})
		all := func(want int) {
			t.Helper()
			var wg sync.WaitGroup
			for range 3 {
				replica := cimd.New(w.Config).ClientStore(w.store)
				for range 20 {
					wg.Go(func() {
						if got, err := replica.Client(t.Context(), id); err != nil || got.Name != "Name" {
							t.Errorf("got %+v, %v", got, err)
						}
					})
				}
			}
			wg.Wait()
			if n := w.Requests("/c.json"); n != want {
				t.Errorf("%d requests, want %d", n, want)
			}
		}
		all(1)
		all(1) // all of them restarted
		w.clock.advance(2 * time.Hour)
		all(2)
	})
}

// TestHangUp: a fetch whose client hung up is finished and recorded, so that the
// next one need not wait.
func TestHangUp(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	id := w.URL + "/c.json"
	ctx, cancel := context.WithCancel(t.Context())
	w.Handle("/c.json", func(rw http.ResponseWriter, _ *http.Request) {
		cancel()
		time.Sleep(50 * time.Millisecond)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(rw, document(id, "Name"))
	})
	if _, err := w.ClientStore(w.store).Client(ctx, id); err != nil {
		t.Errorf("%v", err)
	}
	if got, err := w.find(t, id); err != nil || got.Name != "Name" || w.Requests("") != 1 {
		t.Errorf("got %+v, %v, %d requests", got, err, w.Requests(""))
	}
}

// TestCrash: a replica that died while it fetched keeps the others waiting for its
// lease, no longer.
func TestCrash(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	id := w.Publish("/c.json")
	err := w.store.ClaimDocument(t.Context(), storage.DocumentClaim{
		ClientID: id, URL: id, Site: "x", Lease: "dead", Until: w.clock.Now().Add(15 * time.Second),
		Limit: storage.FetchLimit{PerSite: 1, All: 1},
	}, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		time.Sleep(300 * time.Millisecond)
		w.clock.advance(15 * time.Second)
	}()
	if _, err := w.find(t, id); err != nil {
		t.Error(err)
	}
}

// TestE4NeverFetched: a URL that is never fetched takes no place of the limits, is not
// kept, and says nothing about the client.
func TestE4NeverFetched(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	for i := range 100 {
		id := fmt.Sprintf("https://10.0.0.%d/c.json", i)
		_, err := w.find(t, id)
		var e *storage.DocumentError
		if !errors.As(err, &e) || e.Invalid || e.Reason == "" {
			t.Errorf("%s: %v", id, err)
		}
		if _, err := w.store.Document(t.Context(), id, id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s is on record: %v", id, err)
		}
	}
	if _, err := w.find(t, w.Publish("/c.json")); err != nil {
		t.Error(err)
	}
	if !strings.Contains(w.log.String(), "client_document_failed") {
		t.Error("the log says nothing")
	}
}

// TestE4Flood: a thousand made-up URLs make a bounded number of requests, by any
// number of replicas together, and keep no one out who is known or a vendor's.
func TestE4Flood(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		var asked atomic.Int64
		known := "https://known.test/c.json"
		w := begin(t, e, func(cfg *cimd.Config) {
			cfg.Fetcher = fake(func(_ context.Context, url, _ string) (fetch.Answer, error) {
				if url == known {
					return fetch.Answer{Body: []byte(document(url, "Known"))}, nil
				}
				asked.Add(1)
				return fetch.Answer{}, errors.New("nothing there")
			})
		})
		if _, err := w.find(t, known); err != nil {
			t.Fatal(err)
		}
		flood := func(host func(i int) string) int64 {
			asked.Store(0)
			var wg sync.WaitGroup
			for r := range 4 {
				replica := cimd.New(w.Config).ClientStore(w.store)
				wg.Go(func() {
					for i := range 250 {
						_, err := replica.Client(t.Context(), fmt.Sprintf("https://%s/%d/%d", host(i), r, i))
						if !errors.Is(err, storage.ErrDocument) {
							t.Errorf("got %v", err)
						}
					}
				})
			}
			wg.Wait()
			return asked.Load()
		}
		// Replicas that take the last place at the same moment may be one over it each.
		if n := flood(func(i int) string { return fmt.Sprintf("h%d.evil.test", i) }); n == 0 || n > 20+3 {
			t.Errorf("one site: %d requests", n)
		}
		if n := flood(func(i int) string { return fmt.Sprintf("evil%d.test", i) }); n == 0 || n > 60+3 {
			t.Errorf("many sites: %d requests", n)
		}
		w.clock.advance(2 * time.Hour)
		flood(func(i int) string { return fmt.Sprintf("evil%d.test", i) })
		if got, err := w.find(t, known); err != nil || got.Unconfirmed {
			t.Errorf("known: %+v, %v", got, err)
		}
		if got, err := w.find(t, "https://claude.ai/oauth/mcp-oauth-client-metadata"); err != nil || got.Name != "Claude" {
			t.Errorf("vendor: %+v, %v", got, err)
		}
		w.clock.advance(2 * time.Hour)
		if _, err := w.store.DeleteExpired(t.Context(), w.clock.Now(), storage.Retention{}, 10_000); err != nil {
			t.Fatal(err)
		}
		if list, err := w.store.ListDocumentClients(t.Context(), "", 10_000, w.clock.Now()); err != nil || len(list) > 0 {
			t.Errorf("%d rows are left, %v", len(list), err)
		}
	})
}

// TestRulesOfToday: CIMD-08. What is on record and not valid by this version's rules
// is fetched again, once.
func TestRulesOfToday(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	id := w.Publish("/c.json")
	save := func() {
		t.Helper()
		known, err := w.store.Document(t.Context(), id, id)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
		now := w.clock.Now()
		claim := storage.DocumentClaim{
			ClientID: id, URL: id, Site: "x", Lease: "l", Until: now.Add(time.Minute), Seen: known.FetchedAt,
			Limit: storage.FetchLimit{PerSite: 1, All: 1},
		}
		fetched := storage.FetchedDocument{
			ClientID: id, URL: id, Lease: "l", Body: `{"client_id":"old"}`, ETag: `"old"`, FreshUntil: now.Add(time.Hour),
		}
		if err := errors.Join(w.store.ClaimDocument(t.Context(), claim, now), w.store.SaveDocument(t.Context(), fetched, now)); err != nil {
			t.Fatal(err)
		}
	}
	save()
	if got, err := w.find(t, id); err != nil || !strings.HasPrefix(got.Name, "Client of") || w.Requests("") != 1 {
		t.Errorf("got %+v, %v, %d requests", got, err, w.Requests(""))
	}
	w.clock.advance(2 * time.Hour)
	save()
	w.Fail(fetchtest.Down)
	for range 3 {
		if _, err := w.find(t, id); !errors.Is(err, storage.ErrDocument) {
			t.Errorf("got %v", err)
		}
	}
	if w.Requests("") != 2 {
		t.Errorf("%d requests", w.Requests(""))
	}
}

// TestRenew: CIMD-15. Something that is not in a fresh document is looked for in a
// new one, not more often than every five minutes.
func TestRenew(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	w.PublishJSON("/x", nil, nil)
	id := w.Publish("/c.json")
	store := w.ClientStore(w.store)
	ask := func(want int) {
		t.Helper()
		if _, err := store.CurrentClient(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if n := w.Requests("/c.json"); n != want {
			t.Errorf("%d requests, want %d", n, want)
		}
	}
	ask(1)
	ask(1)
	w.clock.advance(4*time.Minute + 59*time.Second)
	ask(1)
	w.clock.advance(time.Second)
	ask(2)
	ask(2)
	w.Fail(fetchtest.Down)
	w.clock.advance(5 * time.Minute)
	ask(3)
	ask(3)
}
