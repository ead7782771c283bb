package repo_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// report reports on keys; its keys are by id, without times.
func (w world) report(t *testing.T, keys *keyring.Keyring, v repo.Verify) (repo.KeyReport, map[string]repo.Key) {
	t.Helper()
	report, err := repo.New(dbtest.Open(t, w.url), keys).ReportKeys(t.Context(), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]repo.Key{}
	for _, k := range report.Keys {
		if (k.State == repo.KeyNotOnRecord) != k.CreatedAt.IsZero() || (k.State == repo.KeyRetired) == k.RetiredAt.IsZero() {
			t.Errorf("key %s is %s: created %v, retired %v", k.ID, k.State, k.CreatedAt, k.RetiredAt)
		}
		byID[k.ID] = k
	}
	return report, byID
}

var stateOnly = cmpopts.IgnoreFields(repo.Key{}, "ID", "CreatedAt", "RetiredAt", "Sealed")

func TestReportKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next, unused := newWorld(t, e), keyring.Generate(), keyring.Generate()
		gone, goneID := w.key, w.keyID
		w.rotated(t, next, gone)
		nextID, unusedID := idOf(t, next), idOf(t, unused)
		for name, tt := range map[string]struct {
			keys *keyring.Keyring
			want map[string]repo.Key
		}{
			"the right key": {ring(t, next), map[string]repo.Key{
				nextID: {Primary: true, Configured: true, State: repo.KeyActive, Canary: repo.CanaryOpens},
				goneID: {State: repo.KeyRetired, Canary: repo.CanaryKeyMissing},
			}},
			"all of them": {ring(t, unused, next, gone), map[string]repo.Key{
				nextID:   {Configured: true, State: repo.KeyActive, Canary: repo.CanaryOpens},
				goneID:   {Configured: true, State: repo.KeyRetired, Canary: repo.CanaryOpens},
				unusedID: {Primary: true, Configured: true, State: repo.KeyNotOnRecord},
			}},
			"the wrong key": {ring(t, unused), map[string]repo.Key{
				nextID:   {State: repo.KeyActive, Canary: repo.CanaryKeyMissing},
				goneID:   {State: repo.KeyRetired, Canary: repo.CanaryKeyMissing},
				unusedID: {Primary: true, Configured: true, State: repo.KeyNotOnRecord},
			}},
			"no key": {new(keyring.Keyring), map[string]repo.Key{
				nextID: {State: repo.KeyActive, Canary: repo.CanaryKeyMissing},
				goneID: {State: repo.KeyRetired, Canary: repo.CanaryKeyMissing},
			}},
		} {
			_, got := w.report(t, tt.keys, repo.VerifyNothing)
			if diff := cmp.Diff(tt.want, got, stateOnly); diff != "" {
				t.Errorf("%s: keys (-want +got):\n%s", name, diff)
			}
			if rows := got[nextID].Rows(); rows != w.total(t, nextID) || got[goneID].Rows() != 0 {
				t.Errorf("%s: %d rows and %d of the retired key, want %d and none", name, rows, got[goneID].Rows(), w.total(t, nextID))
			}
		}
		dbtest.Exec(t, w.conn, "UPDATE encryption_keys SET canary = 'x' WHERE id = $1", nextID)
		if _, got := w.report(t, ring(t, next), repo.VerifyNothing); got[nextID].Canary != repo.CanaryDoesNotOpen {
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
func counts(keys map[string]repo.Key) map[string]int64 {
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
		newRepo(t, dbtest.Open(t, w.url), next, w.key)
		nextID := idOf(t, next)
		w.insertShared(t, fastmcp.ClientKey("theirs"), sharedRow(t, ring(t, w.key), "theirs"), nil)
		w.insertShared(t, fastmcp.ClientKey("rewritten"), sharedRow(t, ring(t, w.key), "rewritten"), &nextID)
		w.insertShared(t, fastmcp.ClientKey("plain"), sharedRow(t, nil, "plain"), nil)
		w.insertShared(t, fastmcp.ClientKey("lost"), sharedRow(t, ring(t, keyring.Generate()), "lost"), nil)
		first := w.sealedColumns()["profile"]
		w.set(t, first, w.value(t, first, first.second))

		keys := ring(t, next, w.key)
		report, byID := w.report(t, keys, repo.VerifyNothing)
		if diff := cmp.Diff(map[string]int64{w.keyID: 2, nextID: 1}, counts(byID)); diff != "" || report.Unnamed != 3 {
			t.Errorf("by key ids: %d do not name theirs, want 3; (-want +got):\n%s", report.Unnamed, diff)
		}
		for v, unreadable := range map[repo.Verify]int64{repo.VerifyClients: 1, repo.VerifyAll: 2} {
			report, byID = w.report(t, keys, v)
			if diff := cmp.Diff(map[string]int64{w.keyID: 4}, counts(byID)); diff != "" {
				t.Errorf("opened: (-want +got):\n%s", diff)
			}
			if report.Unsealed != 1 || report.Foreign != 2 || report.Unreadable.Total != unreadable {
				t.Errorf("not sealed %d, foreign %d, unreadable %v; want 1, 2 and %d of them",
					report.Unsealed, report.Foreign, report.Unreadable.First, unreadable)
			}
		}
	})
}
