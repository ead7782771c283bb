package cimd_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cimd"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// prober is a replica that probes the documents of the world's site.
func (w *world) prober(urls ...string) *cimd.Prober {
	return &cimd.Prober{
		Store: w.store, URLs: urls, Logger: w.Logger, Now: w.clock.Now,
		Fetcher: fetch.New(fetch.Config{Networks: []netip.Prefix{fetchtest.Network()}, RootCAs: w.Roots}),
	}
}

// round lets a replica look, and fails the test unless it then offers documents or not.
func round(t *testing.T, p *cimd.Prober, due time.Duration, offered bool) {
	t.Helper()
	if err := p.Round(t.Context(), due); err != nil {
		t.Fatal(err)
	}
	if p.Offered() != offered {
		t.Errorf("offered: %t", p.Offered())
	}
}

// TestProbe: AS-15, CIMD-17. Documents are offered as long as one of those that are
// asked for can be read; one replica asks every ten minutes, and the others and a
// restarted one take over what it found.
func TestProbe(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := begin(t, e)
		const every = 10 * time.Minute
		urls := []string{w.Publish("/a"), w.Publish("/b", map[string]any{"client_id": "https://other.test/"}), w.URL + "/none"}
		a, b := w.prober(urls...), w.prober(urls...)
		if a.Offered() {
			t.Error("offered before anyone has tried")
		}
		round(t, a, every, true)
		round(t, b, every, true)
		if n := w.Requests(""); n != 3 {
			t.Errorf("%d requests, want one for each document", n)
		}
		w.Fail(fetchtest.Down)
		w.clock.advance(every - time.Second)
		round(t, b, every, true)
		w.clock.advance(time.Second)
		round(t, b, every, false)
		round(t, a, every, false)
		round(t, w.prober(urls...), every, false) // a restarted one
		w.clock.advance(every)
		w.Fail(nil)
		round(t, a, every, true)
		if n := w.Requests(""); n != 9 {
			t.Errorf("%d requests, want 9", n)
		}
		list, err := w.store.ListDocumentClients(t.Context(), "", 9, w.clock.Now())
		events, none := w.store.ListEvents(t.Context(), storage.EventFilter{Type: storage.EventClientRegistered}, "", 9)
		if len(list)+len(events) != 0 || err != nil || none != nil {
			t.Errorf("what is probed is no client's: %+v, %+v, %v, %v", list, events, err, none)
		}
	})
}

// TestProbeTogether: of any number of replicas that start, one asks.
func TestProbeTogether(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := begin(t, e)
		url := w.Publish("/a")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := w.prober(url).Round(t.Context(), time.Minute); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := w.Requests(""); n != 1 {
			t.Errorf("%d requests", n)
		}
		round(t, w.prober(url), time.Minute, true)
	})
}

// TestProbeDies: a replica that ends while it probes holds up the others for as long as
// a probe takes.
func TestProbeDies(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	now := w.clock.Now()
	if err := w.store.ClaimDocumentProbe(t.Context(), "dead", now.Add(30*time.Second), now.Add(-time.Minute), now); err != nil {
		t.Fatal(err)
	}
	p := w.prober(w.Publish("/a"))
	round(t, p, time.Minute, false)
	w.clock.advance(30 * time.Second)
	round(t, p, time.Minute, true)
}

func TestProbeURLs(t *testing.T) {
	t.Parallel()
	all := cimd.ProbeURLs(nil)
	if len(all) != 3 || slices.ContainsFunc(all, func(u string) bool { return !strings.HasPrefix(u, "https://") }) {
		t.Errorf("%v", all)
	}
	if got := cimd.ProbeURLs([]string{"client.test", "zed.dev"}); !slices.Equal(got, []string{"https://zed.dev/oauth/client-metadata.json"}) {
		t.Errorf("%v", got)
	}
	if got := cimd.ProbeURLs([]string{"client.test"}); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// TestConnectionsAreLimited: E4. The ids that a vendor makes for connections are without
// number, so they count against the limits like any others, and the copy stands in.
func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	for i := range 50 {
		id := fmt.Sprintf("https://chatgpt.com/oauth/made-up-%d/client.json", i)
		got, err := w.find(t, id)
		if err != nil || got.Name != "ChatGPT" || got.Origin != storage.OriginVendor {
			t.Fatalf("%s: %+v, %v", id, got, err)
		}
	}
	list, err := w.store.ListDocumentClients(t.Context(), "", 100, w.clock.Now())
	if err != nil || len(list) != 20 {
		t.Errorf("%d rows, %v", len(list), err)
	}
}
