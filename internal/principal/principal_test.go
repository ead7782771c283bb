package principal_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestContext: a request works for the principal of its own context, and for no one
// without one.
func TestContext(t *testing.T) {
	t.Parallel()
	type unrelated struct{}
	outer := context.WithValue(t.Context(), unrelated{}, "x")
	if p, ok := principal.FromContext(outer); ok || !cmp.Equal(p, principal.Principal{}) {
		t.Errorf("without a principal: %+v, %v", p, ok)
	}
	alice := principal.New(storage.Access{
		GrantID: "gr_1", ClientID: "c_1", Scope: "mcp", Resource: "https://keep.example.com/mcp",
		User:      storage.User{ID: "u_1", Person: storage.Person{Login: "alice"}},
		ExpiresAt: time.Unix(1000, 0),
	}, true)
	want := principal.Principal{
		User:  storage.User{ID: "u_1", Person: storage.Person{Login: "alice"}},
		Admin: true, ClientID: "c_1", GrantID: "gr_1", Scope: "mcp", Resource: "https://keep.example.com/mcp",
		ExpiresAt: time.Unix(1000, 0),
	}
	if diff := cmp.Diff(want, alice); diff != "" {
		t.Error(diff)
	}
	inner := principal.NewContext(principal.NewContext(outer, principal.Principal{GrantID: "gr_0"}), alice)
	got, ok := principal.FromContext(context.WithoutCancel(inner))
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Error(ok, diff)
	}
}
