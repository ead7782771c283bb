package repo_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// insertShared stores a row of oauth_clients as another program does, or as it
// overwrites one of ours, which has a key id then.
func (w world) insertShared(t *testing.T, key string, value []byte, keyID *string) {
	t.Helper()
	dbtest.Exec(t, w.conn, "INSERT INTO oauth_clients (key, value, value_key_id) VALUES ($1, $2, $3)", key, string(value), keyID)
}

// sharedValue returns a row's value and key id.
func (w world) sharedValue(t *testing.T, key string) (value, keyID string) {
	t.Helper()
	rows := dbtest.Rows(t, w.conn, "SELECT CAST(value AS TEXT), COALESCE(value_key_id, '') FROM oauth_clients WHERE key = $1", key)
	if len(rows) != 1 {
		t.Fatalf("%d rows %s", len(rows), key)
	}
	return rows[0][0], rows[0][1]
}

// Rows of another program are opened with whichever key fits, left alone unless
// the operator agrees, and stay in its format.
func TestRotationOfForeignRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next, other := newWorld(t, e), keyring.Generate(), keyring.Generate()
		nextID := idOf(t, next)
		newRepo(t, dbtest.Open(t, w.url), next, w.key)
		const collection = "mcp-upstream-tokens:1"
		rows := map[string][]byte{
			fastmcp.ClientKey("theirs"):    sharedRow(t, ring(t, w.key), "theirs"),
			fastmcp.ClientKey("rewritten"): sharedRow(t, ring(t, other), "rewritten"),
			collection:                     sharedRow(t, ring(t, w.key), "anything"),
		}
		w.insertShared(t, fastmcp.ClientKey("theirs"), rows[fastmcp.ClientKey("theirs")], nil)
		w.insertShared(t, collection, rows[collection], nil)
		// They overwrote a row of ours with a key that we have never put on record.
		w.insertShared(t, fastmcp.ClientKey("rewritten"), rows[fastmcp.ClientKey("rewritten")], &w.keyID)
		w.insertShared(t, fastmcp.ClientKey("plain"), sharedRow(t, nil, "plain"), &w.keyID)
		w.insertShared(t, fastmcp.ClientKey("new"), sharedRow(t, ring(t, next), "new"), nil)

		server := w.with(t, next, w.key, other)
		report, err := server.ReportKeys(t.Context(), repo.VerifyClients, nil)
		if err != nil || report.Foreign != 3 || report.Unsealed != 1 {
			t.Errorf("%d foreign rows, %d not sealed, %v, want 3 and 1", report.Foreign, report.Unsealed, err)
		}
		theirs, _ := w.sharedValue(t, fastmcp.ClientKey("theirs"))
		done, err := server.RotateKeys(t.Context(), rotationOf(nil))
		if !errors.Is(err, repo.ErrForeignRows) || done.Foreign != 3 || len(done.Retired) > 0 {
			t.Errorf("rotate: %+v, %v, want three rows left alone", done, err)
		}
		if value, _ := w.sharedValue(t, fastmcp.ClientKey("theirs")); value != theirs {
			t.Error("a row of another program was changed")
		}
		onRecord(t, dbtest.Open(t, w.url), next, w.key)

		o := rotationOf(nil)
		o.Foreign = true
		done, err = server.RotateKeys(t.Context(), o)
		if err != nil || !cmp.Equal(done.Retired, []string{w.keyID}) {
			t.Errorf("rotate: %+v, %v, want the key retired", done, err)
		}
		alone := w.with(t, next)
		alone.readable(t)
		for key, value := range rows {
			got, keyID := w.sharedValue(t, key)
			was, _ := fastmcp.Open(ring(t, w.key, other), value)
			is, err := fastmcp.Open(ring(t, next), []byte(got))
			if err != nil || !bytes.Equal(is, was) || keyID != nextID {
				t.Errorf("%s of key %s: %v, want what it was", key, keyID, err)
			}
		}
		for _, id := range []string{"theirs", "rewritten", "plain", "new"} {
			if _, err := alone.Client(t.Context(), id); err != nil {
				t.Errorf("client %s: %v", id, err)
			}
		}
		if value, keyID := w.sharedValue(t, fastmcp.ClientKey("plain")); fastmcp.IsSealed([]byte(value)) || keyID != "" {
			t.Errorf("the row that was not sealed: sealed %t, key %q", fastmcp.IsSealed([]byte(value)), keyID)
		}
	})
}

// A row of ours from before rows named their key is not another program's.
func TestRotationOfOurUnnamedRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		dbtest.Exec(t, w.conn, "UPDATE oauth_clients SET value_key_id = NULL")
		if done := w.rotated(t, next, w.key); !cmp.Equal(done.Retired, []string{w.keyID}) || done.Foreign != 0 {
			t.Errorf("rotate: %+v, want the key retired", done)
		}
		w.with(t, next).readable(t)
	})
}

// A key that no row needs is retired only after a second look: in between, servers
// that still seal with it show themselves.
func TestRotationLooksTwice(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		w.rotated(t, next, w.key)
		third := keyring.Generate()
		newRepo(t, dbtest.Open(t, w.url), third, next)
		newRepo(t, dbtest.Open(t, w.url), next, third)
		done := w.rotated(t, next, third)
		if done.Passes != 2 || done.Rekeyed != 0 || !cmp.Equal(done.Retired, []string{idOf(t, third)}) {
			t.Errorf("rotate: %+v, want the unused key retired in two passes", done)
		}
	})
}

// What does not open is named, left alone, and keeps its key.
func TestRotationOfUnreadableRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		var want []repo.UnreadableRow
		for _, c := range w.sealedColumns() {
			w.set(t, c, w.value(t, c, c.second)) // which is sealed for another row
			want = append(want, repo.UnreadableRow{Table: c.table, Column: c.column, Row: c.first, KeyID: w.keyID})
		}
		lost := sharedRow(t, ring(t, keyring.Generate()), "lost")
		w.insertShared(t, fastmcp.ClientKey("lost"), lost, nil)
		w.insertShared(t, fastmcp.ClientKey("damaged"), []byte(`{"__encrypted_data__": "x", "__encryption_version__": 1}`), &w.keyID)
		want = append(want,
			repo.UnreadableRow{Table: "oauth_clients", Column: "value", Row: fastmcp.ClientKey("lost")},
			repo.UnreadableRow{Table: "oauth_clients", Column: "value", Row: fastmcp.ClientKey("damaged"), KeyID: w.keyID})
		values := map[string]string{}
		for name, c := range w.sealedColumns() {
			values[name] = w.value(t, c, c.first)
		}

		server := w.with(t, next, w.key)
		for range 2 {
			done, err := server.RotateKeys(t.Context(), rotationOf(nil))
			if !errors.Is(err, repo.ErrUnreadableRows) || len(done.Retired) > 0 || done.Unreadable.Total != int64(len(want)) {
				t.Errorf("rotate: %+v, %v, want %d rows that do not open", done, err, len(want))
			}
			less := cmpopts.SortSlices(func(a, b repo.UnreadableRow) bool { return a.Table+a.Column+a.Row < b.Table+b.Column+b.Row })
			if diff := cmp.Diff(want, done.Unreadable.First, less); diff != "" {
				t.Errorf("unreadable rows (-want +got):\n%s", diff)
			}
		}
		onRecord(t, dbtest.Open(t, w.url), next, w.key)
		for name, c := range w.sealedColumns() {
			if w.value(t, c, c.first) != values[name] {
				t.Errorf("%s: the row that does not open was changed", name)
			}
		}

		// Once nothing names the old key any more, it is retired.
		for _, c := range w.sealedColumns() {
			dbtest.Exec(t, w.conn, "UPDATE "+c.table+" SET "+c.column+"_key_id = $1 WHERE "+c.column+"_key_id = $2", idOf(t, next), w.keyID)
		}
		dbtest.Exec(t, w.conn, "DELETE FROM oauth_clients WHERE key IN ($1, $2)", fastmcp.ClientKey("lost"), fastmcp.ClientKey("damaged"))
		done, err := server.RotateKeys(t.Context(), rotationOf(nil))
		if err != nil || !cmp.Equal(done.Retired, []string{w.keyID}) {
			t.Errorf("rotate: %+v, %v, want the key retired", done, err)
		}
	})
}

// A key that is missing stays on record while rows need it, or may need it.
func TestRotationWithoutAKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		newRepo(t, dbtest.Open(t, w.url), next, w.key)
		server := w.with(t, next)
		done, err := server.RotateKeys(t.Context(), rotationOf(nil))
		if !errors.Is(err, repo.ErrUnreadableRows) || len(done.Retired) > 0 || done.Rekeyed > 0 {
			t.Errorf("rotate without the key: %+v, %v", done, err)
		}
		for _, row := range done.Unreadable.First {
			if !row.KeyMissing || row.KeyID != w.keyID {
				t.Errorf("%+v, want a row whose key is missing", row)
			}
		}
		// Killed before it retired the key: all rows are of the new one.
		both := w.with(t, next, w.key)
		left := sharedRow(t, ring(t, w.key), "left")
		w.insertShared(t, fastmcp.ClientKey("left"), left, nil)
		if _, err := both.RotateKeys(t.Context(), rotationOf(nil)); !errors.Is(err, repo.ErrForeignRows) {
			t.Fatal(err)
		}
		done, err = server.RotateKeys(t.Context(), rotationOf(nil))
		if !errors.Is(err, repo.ErrUnreadableRows) || len(done.Retired) > 0 {
			t.Errorf("rotate with a row that may need the missing key: %+v, %v", done, err)
		}
		dbtest.Exec(t, w.conn, "DELETE FROM oauth_clients WHERE key = $1", fastmcp.ClientKey("left"))
		done, err = server.RotateKeys(t.Context(), rotationOf(nil))
		if err != nil || !cmp.Equal(done.Retired, []string{w.keyID}) {
			t.Errorf("rotate when no row needs the missing key: %+v, %v", done, err)
		}
		server.readable(t)
	})
}
