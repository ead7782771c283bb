package repo_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestReplicas: those that were seen lately are listed as they were seen last; one that ends is
// not there any more, and one that was not seen for an hour is forgotten.
func TestReplicas(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		r := repotest.Open(t, dbtest.Open(t, url), keyring.Generate())
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		see := func(id string, at, answered time.Time) storage.Replica {
			t.Helper()
			p := storage.Replica{ID: id, Name: "host-" + id, Version: "1.0", StartedAt: now.Add(-time.Hour), ProviderAnsweredAt: answered}
			if err := r.SeeReplica(t.Context(), p, at); err != nil {
				t.Fatal(err)
			}
			p.SeenAt = at
			return p
		}
		see("old", now.Add(-time.Hour), time.Time{})
		see("a", now.Add(-2*time.Minute), time.Time{})
		b := see("b", now.Add(-time.Minute), now.Add(-time.Minute))
		a := see("a", now, now)
		see("ends", now, time.Time{})
		if err := r.EndReplica(t.Context(), "ends"); err != nil {
			t.Fatal(err)
		}
		for after, want := range map[time.Duration][]storage.Replica{5 * time.Minute: {a, b}, time.Minute: {a}, 0: nil} {
			got, err := r.Replicas(t.Context(), now.Add(-after))
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("in the last %v (-want +got): %v\n%s", after, err, diff)
			}
		}
		if n := dbtest.Value[int64](t, dbtest.SQL(t, url), "SELECT COUNT(*) FROM mcpkeep_replicas"); n != 2 {
			t.Errorf("%d replicas on record, want 2", n)
		}
	})
}
