//go:build attack

package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowReader is a Last-Event-ID for which events come without end.
const slowReader = "slow"

// broadcaster is an upstream whose event streams all get the same events.
type broadcaster struct {
	*httptest.Server
	mu    sync.Mutex
	open  map[chan string]bool
	begun atomic.Int64 // sessions
}

func newBroadcaster(t *testing.T) *broadcaster {
	t.Helper()
	s := &broadcaster{open: map[chan string]bool{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// ServeHTTP implements http.Handler.
func (s *broadcaster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Mcp-Session-Id", "session-"+strconv.FormatInt(s.begun.Add(1), 10))
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	events := make(chan string, 100)
	s.count(events, true)
	defer s.count(events, false)
	_ = http.NewResponseController(w).Flush()
	filler := strings.Repeat("x", 64<<10)
	for {
		event := filler
		if r.Header.Get("Last-Event-Id") != slowReader {
			select {
			case event = <-events:
			case <-r.Context().Done():
				return
			}
		}
		if _, err := io.WriteString(w, "data: "+event+"\n\n"); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
}

func (s *broadcaster) count(events chan string, isOpen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isOpen {
		s.open[events] = true
	} else {
		delete(s.open, events)
	}
}

func (s *broadcaster) streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// send sends the time to all streams.
func (s *broadcaster) send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for events := range s.open {
		select {
		case events <- strconv.FormatInt(time.Now().UnixNano(), 10):
		default: // that one is slow
		}
	}
}

// listeners are clients with an open stream each.
type listeners struct {
	end   context.CancelFunc
	ended sync.WaitGroup
	heard atomic.Int64 // events
	worst atomic.Int64 // how long the slowest of them took
}

// listen opens n event streams.
func listen(t *testing.T, url, token string, n int) *listeners {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &listeners{end: cancel}
	t.Cleanup(l.stop)
	client := &http.Client{Transport: &http.Transport{}}
	for range n {
		body, err := openStream(ctx, client, url, token, "")
		if err != nil {
			t.Fatal(err)
		}
		l.ended.Go(func() { l.read(body) })
	}
	return l
}

// openStream opens an event stream.
func openStream(ctx context.Context, client *http.Client, url, token, last string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "text/event-stream")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if last != "" {
		r.Header.Set("Last-Event-Id", last)
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("an event stream got %d", response.StatusCode)
	}
	return response.Body, nil
}

func (l *listeners) read(body io.ReadCloser) {
	defer func() { _ = body.Close() }()
	for lines := bufio.NewScanner(body); lines.Scan(); {
		text, isData := strings.CutPrefix(lines.Text(), "data: ")
		sent, err := strconv.ParseInt(text, 10, 64)
		if !isData || err != nil {
			continue
		}
		took := time.Now().UnixNano() - sent
		for worst := l.worst.Load(); took > worst && !l.worst.CompareAndSwap(worst, took); {
			worst = l.worst.Load()
		}
		l.heard.Add(1)
	}
}

// stop closes the streams and waits until they have ended.
func (l *listeners) stop() {
	l.end()
	l.ended.Wait()
}
