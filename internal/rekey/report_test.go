package rekey_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
)

// report reports on keys; its keys are by id, without times.
func (w world) report(t *testing.T, keys *keyring.Keyring, v rekey.Verify) (rekey.Report, map[string]rekey.Key) {
	t.Helper()
	report, err := rekey.New(dbtest.Open(t, w.URL), keys).Report(t.Context(), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]rekey.Key{}
	for _, k := range report.Keys {
		if (k.State == rekey.KeyNotOnRecord) != k.CreatedAt.IsZero() || (k.State == rekey.KeyRetired) == k.RetiredAt.IsZero() {
			t.Errorf("key %s is %s: created %v, retired %v", k.ID, k.State, k.CreatedAt, k.RetiredAt)
		}
		byID[k.ID] = k
	}
	return report, byID
}

var stateOnly = cmpopts.IgnoreFields(rekey.Key{}, "ID", "CreatedAt", "RetiredAt", "Sealed")

func TestReportKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next, unused := newWorld(t, e), keyring.Generate(), keyring.Generate()
		gone, goneID := w.Key, w.KeyID
		w.rotated(t, next, gone)
		nextID, unusedID := repotest.KeyID(t, next), repotest.KeyID(t, unused)
		for name, tt := range map[string]struct {
			keys *keyring.Keyring
			want map[string]rekey.Key
		}{
			"the right key": {repotest.Ring(t, next), map[string]rekey.Key{
				nextID: {Primary: true, Configured: true, State: rekey.KeyActive, Canary: rekey.CanaryOpens},
				goneID: {State: rekey.KeyRetired, Canary: rekey.CanaryKeyMissing},
			}},
			"all of them": {repotest.Ring(t, unused, next, gone), map[string]rekey.Key{
				nextID:   {Configured: true, State: rekey.KeyActive, Canary: rekey.CanaryOpens},
				goneID:   {Configured: true, State: rekey.KeyRetired, Canary: rekey.CanaryOpens},
				unusedID: {Primary: true, Configured: true, State: rekey.KeyNotOnRecord},
			}},
			"the wrong key": {repotest.Ring(t, unused), map[string]rekey.Key{
				nextID:   {State: rekey.KeyActive, Canary: rekey.CanaryKeyMissing},
				goneID:   {State: rekey.KeyRetired, Canary: rekey.CanaryKeyMissing},
				unusedID: {Primary: true, Configured: true, State: rekey.KeyNotOnRecord},
			}},
			"no key": {new(keyring.Keyring), map[string]rekey.Key{
				nextID: {State: rekey.KeyActive, Canary: rekey.CanaryKeyMissing},
				goneID: {State: rekey.KeyRetired, Canary: rekey.CanaryKeyMissing},
			}},
		} {
			_, got := w.report(t, tt.keys, rekey.VerifyNothing)
			if diff := cmp.Diff(tt.want, got, stateOnly); diff != "" {
				t.Errorf("%s: keys (-want +got):\n%s", name, diff)
			}
			if rows := got[nextID].Rows(); rows != w.total(t, nextID) || got[goneID].Rows() != 0 {
				t.Errorf("%s: %d rows and %d of the retired key, want %d and none", name, rows, got[goneID].Rows(), w.total(t, nextID))
			}
		}
		dbtest.Exec(t, w.Conn, "UPDATE mcpkeep_encryption_keys SET canary = 'x' WHERE id = $1", nextID)
		if _, got := w.report(t, repotest.Ring(t, next), rekey.VerifyNothing); got[nextID].Canary != rekey.CanaryDoesNotOpen {
			t.Errorf("the damaged canary: %s", got[nextID].Canary)
		}
	})
}

func (w world) total(t *testing.T, keyID string) int64 {
	t.Helper()
	var total int64
	for _, n := range w.rowsOf(t, keyID) {
		total += n
	}
	return total
}

// counts are the rows of oauth_clients by key.
func counts(keys map[string]rekey.Key) map[string]int64 {
	rows := map[string]int64{}
	for id, k := range keys {
		for _, n := range k.Sealed {
			if n.Table == "oauth_clients" {
				rows[id] += n.Rows
			}
		}
	}
	return rows
}

// The key ids of oauth_clients say what another program wrote only when each
// row is opened.
func TestReportOpensRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		repotest.Open(t, dbtest.Open(t, w.URL), next, w.Key)
		nextID := repotest.KeyID(t, next)
		w.insertShared(t, fastmcp.ClientKey("theirs"), repotest.SharedRow(t, repotest.Ring(t, w.Key), "theirs"), nil)
		w.insertShared(t, fastmcp.ClientKey("rewritten"), repotest.SharedRow(t, repotest.Ring(t, w.Key), "rewritten"), &nextID)
		w.insertShared(t, fastmcp.ClientKey("plain"), repotest.SharedRow(t, nil, "plain"), nil)
		w.insertShared(t, fastmcp.ClientKey("lost"), repotest.SharedRow(t, repotest.Ring(t, keyring.Generate()), "lost"), nil)
		first := w.SealedColumns()["profile"]
		w.Set(t, first, w.Value(t, first, first.Second))

		keys := repotest.Ring(t, next, w.Key)
		report, byID := w.report(t, keys, rekey.VerifyNothing)
		if diff := cmp.Diff(map[string]int64{w.KeyID: 3, nextID: 1}, counts(byID)); diff != "" || report.Unnamed != 3 {
			t.Errorf("by key ids: %d do not name theirs, want 3; (-want +got):\n%s", report.Unnamed, diff)
		}
		for v, unreadable := range map[rekey.Verify]int64{rekey.VerifyClients: 1, rekey.VerifyAll: 2} {
			report, byID = w.report(t, keys, v)
			if diff := cmp.Diff(map[string]int64{w.KeyID: 5}, counts(byID)); diff != "" {
				t.Errorf("opened: (-want +got):\n%s", diff)
			}
			if report.Unsealed != 1 || report.Foreign != 2 || report.Unreadable.Total != unreadable {
				t.Errorf("not sealed %d, foreign %d, unreadable %v; want 1, 2 and %d of them",
					report.Unsealed, report.Foreign, report.Unreadable.First, unreadable)
			}
		}
	})
}
