package fetch_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch"
)

func TestGet(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Cache-Control", "public, max-age=900")
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		writeJSON(w, `{"a":1}`)
	})
	f := s.fetcher()
	for range 2 {
		got, err := f.Get(t.Context(), s.url+"/doc?x=1", "")
		if err != nil || string(got.Body) != `{"a":1}` || got.ETag != `"v1"` || got.FreshFor != 15*time.Minute || !got.Dated || got.NotModified {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if seen.Method != http.MethodGet || seen.URL.String() != "/doc?x=1" || seen.Host != host+":"+s.port ||
		len(seen.Cookies()) > 0 || seen.Header.Get("Authorization") != "" || seen.Header.Get("Referer") != "" ||
		seen.Header.Get("Accept") != "application/json" || !strings.HasPrefix(seen.UserAgent(), "mcpkeep") {
		t.Errorf("the request was %s %s %v", seen.Method, seen.URL, seen.Header)
	}
}

func TestGetNotModified(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.WriteHeader(http.StatusNotModified)
		if r.Header.Get("If-None-Match") != `"v1"` && r.Header.Get("If-None-Match") != "" {
			t.Errorf("If-None-Match: %q", r.Header.Get("If-None-Match"))
		}
	})
	got, err := s.fetcher().Get(t.Context(), s.url+"/x", `"v1"`)
	if err != nil || !got.NotModified || got.Body != nil || got.ETag != `"v1"` || got.Dated {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = s.fetcher().Get(t.Context(), s.url+"/x", "")
	wantError(t, err) // nothing of ours is unmodified
}

// TestGetRefuses: CIMD-03: only 200, only JSON, only so much.
func TestGetRefuses(t *testing.T) {
	t.Parallel()
	body := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	tests := map[string]struct {
		answer func(w http.ResponseWriter)
		reason string // "" when it is taken
	}{
		"204": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }, "its site refused the request"},
		"206": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusPartialContent)
		}, "its site refused the request"},
		"401":                 {func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }, "its site refused the request"},
		"403 of a bot filter": {func(w http.ResponseWriter) { http.Error(w, "<html>", http.StatusForbidden) }, "its site refused the request"},
		"404":                 {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, "its site refused the request"},
		"500":                 {func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }, "its site refused the request"},
		"HTML":                {contentType("text/html"), "its site did not return JSON"},
		"text":                {contentType("text/plain"), "its site did not return JSON"},
		"script":              {contentType("application/javascript"), "its site did not return JSON"},
		"no type":             {contentType(""), "its site did not return JSON"},
		"malformed type":      {contentType("application/json;;="), "its site did not return JSON"},
		"JSON with charset":   {contentType("application/json; charset=utf-8"), ""},
		"JSON in upper case":  {contentType("Application/JSON"), ""},
		"built on JSON":       {contentType("application/cimd+json"), ""},
		"unrequested gzip":    {zipped, "its site did not return JSON"},
		"64 KiB":              {func(w http.ResponseWriter) { writeJSON(w, body(64<<10)) }, ""},
		"64 KiB and one":      {func(w http.ResponseWriter) { writeJSON(w, body(64<<10+1)) }, "it is too large"},
		"endless": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, "it is too large"},
		"huge header": {func(w http.ResponseWriter) {
			w.Header().Set("X", strings.Repeat("x", 64<<10))
			writeJSON(w, "{}")
		}, "its site cannot be reached"},
		"shorter than it says": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			writeJSON(w, "{}")
		}, "its site cannot be reached"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) { tt.answer(w) })
			_, err := s.fetcher().Get(t.Context(), s.url+"/x", "")
			var e *fetch.Error
			if (err == nil) != (tt.reason == "") || err != nil && (!errors.As(err, &e) || e.Reason != tt.reason) {
				t.Errorf("got %v, want %q", err, tt.reason)
			}
		})
	}
}

func contentType(value string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header()["Content-Type"] = []string{value}
		_, _ = w.Write([]byte("{}"))
	}
}

func zipped(w http.ResponseWriter) {
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Type", "application/json")
	z := gzip.NewWriter(w)
	_, _ = z.Write([]byte("{}"))
	_ = z.Close()
}

// TestGetSlow: the time is for everything together, and ends with the caller's.
func TestGetSlow(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a byte at a time": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for {
				if _, err := w.Write([]byte(" ")); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, h)
			began := time.Now()
			_, err := s.fetcher().Get(t.Context(), s.url+"/x", "")
			wantError(t, err)
			const documented = 5 * time.Second
			if took := time.Since(began); took < documented/2 || took > 3*documented {
				t.Errorf("gave up after %v, want %v", took, documented)
			}
		})
	}
}

// TestGetBounded: E4. Limits on concurrent fetches, in total and per site, whatever the names.
func TestGetBounded(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m; m = most.Load() {
			if most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(2 * time.Millisecond)
		writeJSON(w, "{}")
	})
	for name, tt := range map[string]struct {
		url  func(i int) string
		most int64
	}{
		"one site":   {func(int) string { return s.url + "/x" }, 2},
		"many sites": {func(i int) string { return fmt.Sprintf("https://127.0.0.%d:%s/x", i%200+1, s.port) }, 5},
	} {
		most.Store(0)
		f := s.fetcher(func(cfg *fetch.Config) { cfg.AtOnce, cfg.PerSite = 5, 2 })
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() { _, _ = f.Get(t.Context(), tt.url(i), "") })
		}
		wg.Wait()
		if got := most.Load(); got > tt.most {
			t.Errorf("%s: %d concurrent fetches, want at most %d", name, got, tt.most)
		}
	}
}

// TestGetBusy: one who finds no free slot in time hears of that.
func TestGetBusy(t *testing.T) {
	t.Parallel()
	started, done := make(chan struct{}, 1), make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, _ *http.Request) {
		started <- struct{}{}
		<-done
	})
	t.Cleanup(func() { close(done) }) // before the server's, which waits for it
	f := s.fetcher(func(cfg *fetch.Config) { cfg.PerSite = 1 })
	go func() { _, _ = f.Get(t.Context(), s.url+"/x", "") }()
	<-started
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := f.Get(ctx, s.url+"/x", "")
	if !errors.Is(err, fetch.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
}
