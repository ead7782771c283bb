package repo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// sink takes log lines, or some of them.
type sink struct {
	mu    sync.Mutex
	lines []string
	room  int // how many lines more are taken; negative for all
}

var errSink = errors.New("no space left")

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room == 0 {
		return 0, errSink
	}
	s.room--
	s.lines = append(s.lines, string(bytes.TrimSpace(b)))
	return len(b), nil
}

// count returns how often each event was logged, by its detail.
func (s *sink) count(t *testing.T) map[string]int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := map[string]int{}
	for _, line := range s.lines {
		var e struct {
			Message string `json:"msg"`
			Type    string `json:"type"`
			Detail  string `json:"detail"`
			EventID string `json:"event_id"`
			Number  int64  `json:"number"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Message != audit.LogLine || e.Number == 0 || !strings.HasPrefix(e.EventID, "ev_") {
			t.Errorf("%s: %v", line, err)
		}
		if e.Type == string(storage.EventUserDisabled) {
			got[e.Detail]++
		}
	}
	return got
}

// logWorld is a database whose events are logged by replicas.
type logWorld struct {
	*testing.T
	url, key string
	clock    atomic.Int64 // since repotest.Now
}

func (w *logWorld) now() time.Time { return repotest.Now.Add(time.Duration(w.clock.Load())) }

// replica returns one with a connection of its own, which logs to a sink.
func (w *logWorld) replica(to *sink) *audit.Log {
	return &audit.Log{Store: w.store(), Now: w.now, Log: slog.New(slog.NewJSONHandler(to, nil))}
}

func (w *logWorld) store() *repo.Repo {
	return repotest.Open(w.T, dbtest.Open(w.T, w.url), w.key)
}

func (w *logWorld) commit(r *repo.Repo, detail string, at time.Time) {
	w.Helper()
	if err := r.RecordEvent(w.Context(), storage.Event{Type: storage.EventUserDisabled, Detail: detail}, at); err != nil {
		w.Fatal(err)
	}
}

// logged checks how often each event is in the log.
func (w *logWorld) logged(s *sink, want map[string]int) {
	w.Helper()
	got := s.count(w.T)
	for detail, n := range want {
		if got[detail] != n {
			w.Errorf("%q is in the log %d times, want %d", detail, got[detail], n)
		}
		delete(got, detail)
	}
	if len(got) > 0 {
		w.Errorf("in the log too: %v", got)
	}
}

func eachLog(t *testing.T, test func(w *logWorld)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		test(&logWorld{T: t, url: e.URL(t), key: keyring.Generate()})
	})
}

// TestEventsAreLogged: one replica logs what any process commits from the beginning on, also
// what has an older ID than those before; another one takes its place.
func TestEventsAreLogged(t *testing.T) {
	t.Parallel()
	eachLog(t, func(w *logWorld) {
		s, to := w.store(), &sink{room: -1}
		w.commit(s, "before", w.now().Add(-time.Hour))
		first, second := w.replica(to), w.replica(to)
		first.Round(w.Context())
		w.commit(s, "a", w.now())
		first.Round(w.Context())
		w.commit(s, "older", w.now().Add(-30*time.Second))
		second.Round(w.Context()) // the first one has the lease
		w.logged(to, map[string]int{"a": 1})
		first.Round(w.Context())
		w.commit(s, "at the end", w.now())
		first.Close(w.Context())
		second.Round(w.Context())
		w.logged(to, map[string]int{"a": 1, "older": 1, "at the end": 1})
		w.commit(s, "b", w.now())
		second.Round(w.Context())
		first.Round(w.Context())
		w.logged(to, map[string]int{"a": 1, "older": 1, "at the end": 1, "b": 1})
	})
}

// TestManyLogOnce: replicas that look at the same moments log each event once.
func TestManyLogOnce(t *testing.T) {
	t.Parallel()
	eachLog(t, func(w *logWorld) {
		const replicas, rounds, each = 4, 5, 6
		s, to := w.store(), &sink{room: -1}
		list := make([]*audit.Log, replicas)
		for i := range list {
			list[i] = w.replica(to)
			list[i].Round(w.Context())
		}
		want := map[string]int{}
		for round := range rounds {
			var looks sync.WaitGroup
			for _, l := range list {
				looks.Go(func() { l.Round(w.Context()) })
			}
			for i := range each {
				detail := string(rune('a'+round)) + string(rune('0'+i))
				want[detail] = 1
				w.commit(s, detail, w.now().Add(-time.Duration(i)*time.Second))
			}
			looks.Wait()
		}
		for _, l := range list {
			l.Round(w.Context())
		}
		w.logged(to, want)
	})
}

// TestDeadLogIsReplaced: what a replica committed that died before it logged, or logged and
// did not record, is logged by another one, at the latest when the lease of the dead one ends.
func TestDeadLogIsReplaced(t *testing.T) {
	t.Parallel()
	eachLog(t, func(w *logWorld) {
		s, to := w.store(), &sink{room: -1}
		dying := &sink{room: 1}
		dead, heir := w.replica(dying), w.replica(to)
		dead.Round(w.Context())
		w.commit(s, "logged", w.now())
		w.commit(s, "lost", w.now())
		dead.Round(w.Context()) // it fails after a line, and records nothing
		w.clock.Store(int64(9 * time.Second))
		heir.Round(w.Context())
		w.logged(to, nil)
		w.clock.Store(int64(11 * time.Second))
		heir.Round(w.Context())
		w.logged(to, map[string]int{"logged": 1, "lost": 1})
		if n := len(dying.count(w.T)); n > 1 {
			w.Errorf("%d lines of the dead one", n)
		}
	})
}

// away is a store whose database does not answer.
type away struct {
	*repo.Repo
	err atomic.Pointer[error]
}

func (a *away) EventsWait(ctx context.Context) (bool, error) {
	if err := a.err.Load(); err != nil {
		return false, *err
	}
	return a.Repo.EventsWait(ctx)
}

// TestLogWaitsForTheDatabase: an outage is no line, another error is one, and nothing is lost.
func TestLogWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	w := &logWorld{T: t, url: dbtest.SQLite().URL(t), key: keyring.Generate()}
	var said bytes.Buffer
	store := &away{Repo: w.store()}
	l := &audit.Log{Store: store, Now: w.now, Log: slog.New(slog.NewTextHandler(&said, nil))}
	l.Round(t.Context())
	w.commit(store.Repo, "kept", w.now())
	said.Reset()
	for _, tt := range []struct {
		err  error
		want int
	}{{storage.ErrUnavailable, 0}, {errSink, 1}} {
		store.err.Store(&tt.err)
		l.Round(t.Context())
		l.Round(t.Context())
		if got := strings.Count(said.String(), "\n"); got != tt.want {
			t.Errorf("%v: %d lines, want %d:\n%s", tt.err, got, tt.want, said.String())
		}
	}
	store.err.Store(nil)
	l.Round(t.Context())
	if !strings.Contains(said.String(), "detail=kept") {
		t.Errorf("lost: %s", said.String())
	}
}
