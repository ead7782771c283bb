package storagetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// implied are the clients that a case approves without having registered them. They are
// registered for it, and their events do not show: most cases are about other things.
type implied struct {
	mu  sync.Mutex
	ids map[string]bool
}

// FinishAuthorization registers the client first, unless the case is about that: the
// completion registers it, or it has a document.
func (s *suite) FinishAuthorization(ctx context.Context, c storage.Completion, now time.Time) (storage.Request, error) {
	if a, err := s.Authorization(ctx, c.AuthorizationID, now); err == nil && c.Client == nil {
		s.imply(ctx, a.Request.ClientID)
	}
	return s.Store.FinishAuthorization(ctx, c, now)
}

func (s *suite) imply(ctx context.Context, id string) {
	s.implied.mu.Lock()
	defer s.implied.mu.Unlock()
	if _, known := s.implied.ids[id]; known || strings.HasPrefix(id, "https:") {
		return
	}
	if _, err := s.Client(ctx, id); !errors.Is(err, storage.ErrNotFound) {
		return
	}
	if err := s.CreateClient(ctx, client(id)); err != nil {
		s.Errorf("register %s: %v", id, err)
	}
	if s.implied.ids == nil {
		s.implied.ids = map[string]bool{}
	}
	s.implied.ids[id] = true
}

// shows reports whether an event is one that the case brought about.
func (s *suite) shows(e storage.Event) bool {
	s.implied.mu.Lock()
	defer s.implied.mu.Unlock()
	return e.Type != storage.EventKeyRecorded && (e.Type != storage.EventClientRegistered || !s.implied.ids[e.ClientID])
}

// hasDocument makes a client known by a document alone, which has no name.
func (s *suite) hasDocument(id string, now time.Time) {
	url := "https://" + id + ".example/client.json"
	s.ok(s.ClaimDocument(s.ctx(), claim(id, url, "keep", now, time.Time{}), now))
	document := fetched(id, url, "keep", "{}", now)
	document.Name = ""
	s.ok(s.SaveDocument(s.ctx(), document, now))
	s.implied.mu.Lock()
	defer s.implied.mu.Unlock()
	if s.implied.ids == nil {
		s.implied.ids = map[string]bool{}
	}
	s.implied.ids[id] = false
}

// count returns how many clients were registered for the case.
func (i *implied) count() (n int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, registered := range i.ids {
		if registered {
			n++
		}
	}
	return n
}
