package adopt_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/adopt"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// trail notes events, or fails.
type trail struct {
	*shelf

	err    error
	events []storage.Event
}

func (t *trail) RecordEvent(_ context.Context, e storage.Event, _ time.Time) error {
	if t.err == nil {
		t.events = append(t.events, e)
	}
	return t.err
}

// refuser is an adopter that knows one signing key, at a time that the test sets.
func refuser(store *trail, now *time.Time) *adopt.Adopter {
	return adopt.New(adopt.Config{
		Store: store, Verifier: &fastmcp.Verifier{Keys: []fastmcp.SigningKey{fastmcp.KeyOfBytes([]byte(fastmcptest.SigningText))}},
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return *now },
	})
}

// invented is a token that anyone can make up.
func invented(t *testing.T, now time.Time) string {
	t.Helper()
	d := fastmcptest.New("https://mcp.example", nil)
	d.SigningText = strings.Repeat("x", 44)
	return d.Token(t, d.Claims("client", "jti", now, now.Add(time.Hour)))
}

// TestInventedTokens: a flood of tokens that anyone can make up reaches the store sixty times
// a minute, and the next event says how many were left out.
func TestInventedTokens(t *testing.T) {
	t.Parallel()
	store, now := &trail{shelf: newShelf()}, time.Unix(1_800_000_000, 0)
	a := refuser(store, &now)
	token := invented(t, now)
	const more = 40
	for range storage.LimitedEvents + more {
		if err := a.Check(t.Context(), token); !errors.Is(err, adopt.ErrRefused) {
			t.Fatalf("got %v", err)
		}
	}
	if n := len(store.events); n != storage.LimitedEvents {
		t.Fatalf("%d events, want %d", n, storage.LimitedEvents)
	}
	now = now.Add(time.Minute)
	for range 2 {
		_ = a.Check(t.Context(), token)
	}
	if n := len(store.events); n != storage.LimitedEvents+2 {
		t.Fatalf("%d events after a minute", n)
	}
	want := []string{"the signature does not match the signing key (40 more before it were left out)", "the signature does not match the signing key"}
	for i, e := range store.events[storage.LimitedEvents:] {
		if e.Type != storage.EventFastMCPTokenRefused || e.Detail != want[i] {
			t.Errorf("%+v, want %q", e, want[i])
		}
	}
}

// TestInventedCodes: codes and states that anyone can make up are counted with those tokens, and
// a state of ours, which has ended, is not.
func TestInventedCodes(t *testing.T) {
	t.Parallel()
	store, now := &trail{shelf: newShelf()}, time.Unix(1_800_000_000, 0)
	a := refuser(store, &now)
	for _, none := range []string{"", oauth.NewID(adopt.StatePrefix)} {
		if _, err := a.Request(t.Context(), none); !errors.Is(err, adopt.ErrRefused) {
			t.Errorf("the state %q: %v", none, err)
		}
	}
	if len(store.events) > 0 || a.RecognizesCode("") || a.RecognizesCode(oauth.NewCode()) {
		t.Fatalf("what is no invention leaves %+v", store.events)
	}
	for range storage.LimitedEvents {
		if _, err := a.Request(t.Context(), "guessed"); !errors.Is(err, adopt.ErrRefused) {
			t.Fatalf("got %v", err)
		}
		a.RefuseCode(t.Context(), "guessed", "client")
		a.RefuseClient(t.Context(), "guessed", "")
		a.RefuseClient(t.Context(), "", invented(t, now))
	}
	if n := len(store.events); n != storage.LimitedEvents {
		t.Errorf("%d events, want %d", n, storage.LimitedEvents)
	}
	var details []string
	for _, e := range store.events[:4] {
		details = append(details, e.Detail)
	}
	const client = "its client is not registered"
	want := []string{"there is no such sign-in", "the request with the code is not valid", client, client}
	if !slices.Equal(details, want) {
		t.Errorf("details %q, want %q", details, want)
	}
}

// TestRefusalWithoutTrail: a client gets the same response when the audit trail takes nothing.
func TestRefusalWithoutTrail(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for _, away := range []error{storage.ErrUnavailable, storage.ErrBusy, context.Canceled} {
		a := refuser(&trail{shelf: newShelf(), err: away}, &now)
		if err := a.AccessToken(t.Context(), invented(t, now)); !errors.Is(err, adopt.ErrRefused) || errors.Is(err, away) {
			t.Errorf("%v: got %v", away, err)
		}
	}
}
