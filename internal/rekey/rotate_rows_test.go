package rekey_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
)

// insertShared stores a row of oauth_clients as another program does, or as it
// overwrites one of ours, which has a key ID then.
func (w world) insertShared(t *testing.T, key string, value []byte, keyID *string) {
	t.Helper()
	dbtest.Exec(t, w.Conn, "INSERT INTO oauth_clients (key, value, value_key_id) VALUES ($1, $2, $3)", key, string(value), keyID)
}

// sharedValue returns a row's value and key ID.
func (w world) sharedValue(t *testing.T, key string) (value, keyID string) {
	t.Helper()
	rows := dbtest.Rows(t, w.Conn, "SELECT CAST(value AS TEXT), COALESCE(value_key_id, '') FROM oauth_clients WHERE key = $1", key)
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
		nextID := repotest.KeyID(t, next)
		repotest.Open(t, dbtest.Open(t, w.URL), next, w.Key)
		const collection = "mcp-upstream-tokens:1"
		rows := map[string][]byte{
			fastmcp.ClientKey("theirs"):    repotest.SharedRow(t, repotest.Ring(t, w.Key), "theirs"),
			fastmcp.ClientKey("rewritten"): repotest.SharedRow(t, repotest.Ring(t, other), "rewritten"),
			collection:                     repotest.SharedRow(t, repotest.Ring(t, w.Key), "anything"),
		}
		w.insertShared(t, fastmcp.ClientKey("theirs"), rows[fastmcp.ClientKey("theirs")], nil)
		w.insertShared(t, collection, rows[collection], nil)
		// They overwrote a row of ours with a key that we have never put on record.
		w.insertShared(t, fastmcp.ClientKey("rewritten"), rows[fastmcp.ClientKey("rewritten")], &w.KeyID)
		w.insertShared(t, fastmcp.ClientKey("plain"), repotest.SharedRow(t, nil, "plain"), &w.KeyID)
		w.insertShared(t, fastmcp.ClientKey("new"), repotest.SharedRow(t, repotest.Ring(t, next), "new"), nil)

		server := w.with(t, next, w.Key, other)
		report, err := server.Report(t.Context(), rekey.VerifyClients, nil)
		if err != nil || report.Foreign != 3 || report.Unsealed != 1 {
			t.Errorf("%d foreign rows, %d not sealed, %v, want 3 and 1", report.Foreign, report.Unsealed, err)
		}
		theirs, _ := w.sharedValue(t, fastmcp.ClientKey("theirs"))
		done, err := server.Rotate(t.Context(), rotationOf(nil))
		if !errors.Is(err, rekey.ErrForeignRows) || done.Foreign != 3 || len(done.Retired) > 0 {
			t.Errorf("rotate: %+v, %v, want three rows left alone", done, err)
		}
		if value, _ := w.sharedValue(t, fastmcp.ClientKey("theirs")); value != theirs {
			t.Error("a row of another program was changed")
		}
		repotest.OnRecord(t, dbtest.Open(t, w.URL), next, w.Key)

		o := rotationOf(nil)
		o.Foreign = true
		done, err = server.Rotate(t.Context(), o)
		if err != nil || !cmp.Equal(done.Retired, []string{w.KeyID}) {
			t.Errorf("rotate: %+v, %v, want the key retired", done, err)
		}
		alone := w.with(t, next)
		alone.readable(t)
		for key, value := range rows {
			got, keyID := w.sharedValue(t, key)
			was, _ := fastmcp.Open(repotest.Ring(t, w.Key, other), value)
			is, err := fastmcp.Open(repotest.Ring(t, next), []byte(got))
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
		dbtest.Exec(t, w.Conn, "UPDATE oauth_clients SET value_key_id = NULL")
		if done := w.rotated(t, next, w.Key); !cmp.Equal(done.Retired, []string{w.KeyID}) || done.Foreign != 0 {
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
		w.rotated(t, next, w.Key)
		third := keyring.Generate()
		repotest.Open(t, dbtest.Open(t, w.URL), third, next)
		repotest.Open(t, dbtest.Open(t, w.URL), next, third)
		done := w.rotated(t, next, third)
		if done.Passes != 2 || done.Rekeyed != 0 || !cmp.Equal(done.Retired, []string{repotest.KeyID(t, third)}) {
			t.Errorf("rotate: %+v, want the unused key retired in two passes", done)
		}
	})
}

// What does not open is named, left alone, and keeps its key.
func TestRotationOfUnreadableRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		var want []rekey.UnreadableRow
		for _, c := range w.SealedColumns() {
			w.Set(t, c, w.Value(t, c, c.Second)) // which is sealed for another row
			want = append(want, rekey.UnreadableRow{Table: c.Table, Column: c.Column, Row: c.First, KeyID: w.KeyID})
		}
		lost := repotest.SharedRow(t, repotest.Ring(t, keyring.Generate()), "lost")
		w.insertShared(t, fastmcp.ClientKey("lost"), lost, nil)
		w.insertShared(t, fastmcp.ClientKey("damaged"), []byte(`{"__encrypted_data__": "x", "__encryption_version__": 1}`), &w.KeyID)
		want = append(want,
			rekey.UnreadableRow{Table: "oauth_clients", Column: "value", Row: fastmcp.ClientKey("lost")},
			rekey.UnreadableRow{Table: "oauth_clients", Column: "value", Row: fastmcp.ClientKey("damaged"), KeyID: w.KeyID})
		values := map[string]string{}
		for name, c := range w.SealedColumns() {
			values[name] = w.Value(t, c, c.First)
		}

		server := w.with(t, next, w.Key)
		for range 2 {
			done, err := server.Rotate(t.Context(), rotationOf(nil))
			if !errors.Is(err, rekey.ErrUnreadableRows) || len(done.Retired) > 0 || done.Unreadable.Total != int64(len(want)) {
				t.Errorf("rotate: %+v, %v, want %d rows that do not open", done, err, len(want))
			}
			less := cmpopts.SortSlices(func(a, b rekey.UnreadableRow) bool { return a.Table+a.Column+a.Row < b.Table+b.Column+b.Row })
			if diff := cmp.Diff(want, done.Unreadable.First, less); diff != "" {
				t.Errorf("unreadable rows (-want +got):\n%s", diff)
			}
		}
		repotest.OnRecord(t, dbtest.Open(t, w.URL), next, w.Key)
		for name, c := range w.SealedColumns() {
			if w.Value(t, c, c.First) != values[name] {
				t.Errorf("%s: the row that does not open was changed", name)
			}
		}

		// Once nothing names the old key any more, it is retired.
		for _, c := range w.SealedColumns() {
			dbtest.Exec(t, w.Conn, "UPDATE "+c.Table+" SET "+c.Column+"_key_id = $1 WHERE "+c.Column+"_key_id = $2", repotest.KeyID(t, next), w.KeyID)
		}
		dbtest.Exec(t, w.Conn, "DELETE FROM oauth_clients WHERE key IN ($1, $2)", fastmcp.ClientKey("lost"), fastmcp.ClientKey("damaged"))
		done, err := server.Rotate(t.Context(), rotationOf(nil))
		if err != nil || !cmp.Equal(done.Retired, []string{w.KeyID}) {
			t.Errorf("rotate: %+v, %v, want the key retired", done, err)
		}
	})
}

// A key that is missing stays on record while rows need it, or may need it.
func TestRotationWithoutAKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		repotest.Open(t, dbtest.Open(t, w.URL), next, w.Key)
		server := w.with(t, next)
		done, err := server.Rotate(t.Context(), rotationOf(nil))
		if !errors.Is(err, rekey.ErrUnreadableRows) || len(done.Retired) > 0 || done.Rekeyed > 0 {
			t.Errorf("rotate without the key: %+v, %v", done, err)
		}
		for _, row := range done.Unreadable.First {
			if !row.KeyMissing || row.KeyID != w.KeyID {
				t.Errorf("%+v, want a row whose key is missing", row)
			}
		}
		// Killed before it retired the key: all rows have the new one.
		both := w.with(t, next, w.Key)
		left := repotest.SharedRow(t, repotest.Ring(t, w.Key), "left")
		w.insertShared(t, fastmcp.ClientKey("left"), left, nil)
		if _, err := both.Rotate(t.Context(), rotationOf(nil)); !errors.Is(err, rekey.ErrForeignRows) {
			t.Fatal(err)
		}
		done, err = server.Rotate(t.Context(), rotationOf(nil))
		if !errors.Is(err, rekey.ErrUnreadableRows) || len(done.Retired) > 0 {
			t.Errorf("rotate with a row that may need the missing key: %+v, %v", done, err)
		}
		dbtest.Exec(t, w.Conn, "DELETE FROM oauth_clients WHERE key = $1", fastmcp.ClientKey("left"))
		done, err = server.Rotate(t.Context(), rotationOf(nil))
		if err != nil || !cmp.Equal(done.Retired, []string{w.KeyID}) {
			t.Errorf("rotate when no row needs the missing key: %+v, %v", done, err)
		}
		server.readable(t)
	})
}
