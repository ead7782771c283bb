package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// TestLendingNeedsAProvider: the local provider has no tokens to give, which is an error of the
// file, at its place.
func TestLendingNeedsAProvider(t *testing.T) {
	t.Parallel()
	file, err := upstreams.Parse("f.yaml", []byte("mcpServers:\n  a: {url: \"http://127.0.0.1:1/mcp\", provider_token: X-Token}\n"), upstreams.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]bool{"": false, Local: false, Local + "\n": false, GitHub: true, OIDC: true} {
		s := Settings{Provider: Provider{Kind: kind}}
		err := s.admitTo(file.Upstreams)
		if (err == nil) != want || err != nil && !strings.HasPrefix(err.Error(), "f.yaml:2:54: the sign-in provider local gives out no tokens") {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

// TestLendingErrors: only what says that the user may no longer sign in has a client sign in
// again.
func TestLendingErrors(t *testing.T) {
	t.Parallel()
	for want, list := range map[error][]error{
		gateway.ErrSignIn:  {recheck.ErrRefused, storage.ErrNotFound},
		gateway.ErrNoOther: {recheck.ErrNotRenewed},
	} {
		for _, err := range list {
			if got := lendingError(err); !errors.Is(got, want) {
				t.Errorf("%v became %v", err, got)
			}
		}
	}
	away := &identity.UnavailableError{Reason: "away", RetryAfter: time.Minute}
	for _, err := range []error{away, storage.ErrUnavailable, identity.ErrMisconfigured, errors.New("any")} {
		var lending *gateway.LendingError
		if got := lendingError(err); !errors.As(got, &lending) || (lending.After == time.Minute) != errors.Is(err, away) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if err := lendingError(nil); err != nil {
		t.Error(err)
	}
}
