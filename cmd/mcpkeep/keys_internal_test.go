package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// keysWorld is a database with two clients and a person, sealed with one key.
type keysWorld struct {
	t        *testing.T
	url      string
	old, new string
}

func newKeysWorld(t *testing.T) keysWorld {
	t.Helper()
	w := keysWorld{t: t, url: dbtest.SQLite().URL(t), old: keyring.Generate(), new: keyring.Generate()}
	store := repo.New(dbtest.Open(t, w.url), parsed(t, w.old))
	owner := storage.Person{Issuer: "local", Subject: "owner"}
	err := errors.Join(store.CheckKeys(t.Context(), time.Now()), store.SetPassword(t.Context(), owner, "$argon2id$x", true, time.Now()))
	for _, id := range []string{"a", "b"} {
		err = errors.Join(err, store.CreateClient(t.Context(), storage.Client{ID: id, CreatedAt: time.Now(), Client: metadata.Client{AuthMethod: "none"}}))
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func parsed(t *testing.T, keys ...string) *keyring.Keyring {
	t.Helper()
	ring, err := keyring.Parse(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func (w keysWorld) id(key string) string { return parsed(w.t, key).Primary() }

// record puts a key on record, as a server does that has it in front.
func (w keysWorld) record(keys ...string) {
	w.t.Helper()
	if err := repo.New(dbtest.Open(w.t, w.url), parsed(w.t, keys...)).CheckKeys(w.t.Context(), time.Now()); err != nil {
		w.t.Fatal(err)
	}
}

// run runs `keys ...` with these keys, which must not be printed.
func (w keysWorld) run(keys string, args ...string) result {
	w.t.Helper()
	got := command(w.t, map[string]string{"DATABASE_URL": w.url, "MCPKEEP_ENCRYPTION_KEYS": keys}, append([]string{"keys"}, args...)...)
	for _, key := range []string{w.old, w.new} {
		if strings.Contains(got.out+got.err, key) {
			w.t.Errorf("keys %v: a key is printed", args)
		}
	}
	return got
}

func (r result) wants(t *testing.T, status int, texts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d", r.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(r.out+r.err, text) {
			t.Errorf("%q is missing", text)
		}
	}
	if t.Failed() {
		t.Fatalf("output:\n%s\nerrors:\n%s", r.out, r.err)
	}
}

func TestKeysRotate(t *testing.T) {
	w := newKeysWorld(t)
	oldID, newID := w.id(w.old), w.id(w.new)
	w.run(w.new+","+w.old, "list").wants(t, exitOK, newID, "not on record, primary", oldID, "opens", "oauth_clients.value", "mcpkeep_users.password")
	w.run(w.new+","+w.old, "rotate").wants(t, exitFailed, "No server has been started with key "+newID+" first yet", "not confirmed")
	w.run(w.new, "rotate", "--yes").wants(t, exitFailed, "the database needs key "+oldID)
	w.run(w.old, "list").wants(t, exitOK, oldID, "active, primary")
	w.record(w.new, w.old)
	w.run(w.new+","+w.old, "rotate").wants(t, exitOK, "re-encrypted 4 rows with key "+newID, "retired key "+oldID)
	w.run(w.new, "rotate").wants(t, exitOK, "re-encrypted 0 rows with key "+newID)
	w.run(w.new, "list", "--verify").wants(t, exitOK, "retired", "active, primary")
	w.run(w.old+","+w.new, "rotate").wants(t, exitFailed, "key "+oldID+", which is configured first, was retired")
}

// TestKeysRotateBackwards: with the keys in the wrong order the new one would be retired
// for good, or nothing would be done, and someone would believe that it was.
func TestKeysRotateBackwards(t *testing.T) {
	w := newKeysWorld(t)
	oldID, newID := w.id(w.old), w.id(w.new)
	w.run(w.old+","+w.new, "rotate").wants(t, exitOK, "re-encrypted 0 rows", "key "+newID+" has never encrypted anything: to switch to it, put it first")
	later := time.Now().Add(time.Minute)
	if err := repo.New(dbtest.Open(t, w.url), parsed(t, w.new, w.old)).CheckKeys(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	w.run(w.old+","+w.new, "rotate").wants(t, exitFailed, "Key "+newID+" is newer than "+oldID, "not confirmed")
	w.run(w.new+","+w.old, "list").wants(t, exitOK, newID+"  active, primary")
	w.run(w.old+","+w.new, "rotate", "--yes").wants(t, exitOK, "retired key "+newID)
}

func TestKeysRotateJSON(t *testing.T) {
	w := newKeysWorld(t)
	w.record(w.new, w.old)
	got := w.run(w.new+","+w.old, "rotate", "--json")
	got.wants(t, exitOK)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	var last rotatedJSON
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if !last.Complete || last.Type != "result" || last.Rekeyed != 4 || last.Passes != 2 || len(last.Retired) != 1 || last.Primary != w.id(w.new) {
		t.Errorf("result: %+v", last)
	}
}

func TestKeysList(t *testing.T) {
	w := newKeysWorld(t)
	w.record(w.new, w.old)
	got := w.run(w.new+","+w.old, "list", "--json")
	got.wants(t, exitOK)
	var list keysJSON
	if err := json.Unmarshal([]byte(got.out), &list); err != nil {
		t.Fatal(err)
	}
	byID := map[string]keyJSON{}
	for _, k := range list.Keys {
		byID[k.ID] = k
	}
	old, next := byID[w.id(w.old)], byID[w.id(w.new)]
	if old.Total != 4 || old.Sealed["oauth_clients.value"] != 2 || old.Canary != rekey.CanaryOpens || old.Primary ||
		!next.Primary || next.State != rekey.KeyActive || next.CreatedAt == nil || next.Total != 0 || list.Verified {
		t.Errorf("%+v", list)
	}
}

// TestKeysListWithoutKeys: it is needed when a key is lost, and makes none.
func TestKeysListWithoutKeys(t *testing.T) {
	w := newKeysWorld(t)
	w.run("", "list").wants(t, exitOK, w.id(w.old), "active, not configured", "key missing")
	w.run(w.new, "list", "--verify").wants(t, exitFailed, w.id(w.old), "key missing", "the key is not configured", "4 values cannot be decrypted")
	w.run("", "rotate").wants(t, exitUsage, "MCPKEEP_ENCRYPTION_KEYS")
	path, _ := db.IsSQLite(w.url)
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "mcpkeep.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key file was made: %v", err)
	}
	empty := w
	empty.url = emptyDatabase(t)
	empty.run("", "list").wants(t, exitFailed, "mcpkeep migrate up")
}

// TestKeysOfAnotherProgram: its rows are counted when they are opened, and
// rotated only after confirmation.
func TestKeysOfAnotherProgram(t *testing.T) {
	w := newKeysWorld(t)
	w.record(w.new, w.old)
	plaintext, err := fastmcp.EncodeClient(fastmcp.Client{ClientID: "theirs", RedirectURIs: []string{"http://127.0.0.1/cb"}})
	if err != nil {
		t.Fatal(err)
	}
	value, err := fastmcp.Seal(parsed(t, w.old), plaintext)
	if err != nil {
		t.Fatal(err)
	}
	conn := dbtest.SQL(t, w.url)
	dbtest.Exec(t, conn, "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)", fastmcp.ClientKey("theirs"), string(value))
	dbtest.Exec(t, conn, "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)", fastmcp.ClientKey("bad"), `[]`)
	both := w.new + "," + w.old
	w.run(both, "list").wants(t, exitOK, "2 rows of oauth_clients have no key ID")
	w.run(both, "list", "--verify").wants(t, exitFailed, "mcp-oauth-proxy-clients:bad", "(key unknown): cannot be decrypted")
	w.run(both, "rotate").wants(t, exitFailed, "FastMCP", "encrypted 1 rows", "MultiFernet", "not confirmed")
	w.run(both, "rotate", "--yes").wants(t, exitFailed, "re-encrypted 5 rows", "retired key "+w.id(w.old),
		"mcp-oauth-proxy-clients:bad", "rows could not be decrypted: 1; they are unchanged")
}

func TestExplain(t *testing.T) {
	t.Parallel()
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	done := rekey.Rotated{Needed: []string{"old"}, Foreign: 3, Unreadable: rekey.UnreadableRows{Total: 7}}
	for name, tt := range map[string]struct {
		err   error
		wants []string
	}{
		"still sealing": {rekey.ErrStillSealing, []string{"(old)", "a running server", "MCPKEEP_ENCRYPTION_KEYS=new,old", "no data is lost"}},
		"foreign":       {rekey.ErrForeignRows, []string{"3 rows", "run the command again"}},
		"unreadable":    {rekey.ErrUnreadableRows, []string{"could not be decrypted: 7", "configure the missing key"}},
		"away":          {storage.ErrUnavailable, []string{"run the command again to continue"}},
		"other":         {sealed.ErrKey, []string{"do not match"}},
	} {
		err := explain(t.Context(), []string{"new", "old"}, done, tt.err)
		for _, want := range tt.wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v lacks %q", name, err, want)
			}
		}
	}
	if err := explain(t.Context(), nil, done, nil); err != nil {
		t.Error(err)
	}
	err := explain(interrupted, nil, done, fmt.Errorf("x: %w", storage.ErrUnavailable))
	if err == nil || !strings.Contains(err.Error(), "interrupted; no data is lost: run the command again") {
		t.Errorf("interrupted: %v", err)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	for terminal, want := range map[bool]string{
		false: "1 of 2\n2 of 2\n",
		true:  "\r\x1b[K1 of 2\r\x1b[K2 of 2\r\x1b[K",
	} {
		var out strings.Builder
		p := newProgress(streams{err: &out})
		p.terminal, p.width = terminal, func(io.Writer) int { return 0 }
		if p.due() {
			t.Error("something is printed immediately")
		}
		p.last = time.Now().Add(-time.Minute)
		if !p.due() || p.due() {
			t.Error("after a minute it is to be told once")
		}
		p.line("%d of %d", 1, 2)
		p.line("%d of %d", 2, 2)
		p.end()
		p.end()
		if out.String() != want {
			t.Errorf("terminal %t: %q, want %q", terminal, out.String(), want)
		}
	}
}

// TestProgressFits: a line that a narrow terminal would wrap is cut, since the next one
// would clear the last piece of it only.
func TestProgressFits(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(streams{err: &out})
	p.terminal, p.width = true, func(io.Writer) int { return 12 }
	p.line("%s", "eleven char")
	p.line("%s", "twelve chars")
	p.line("%s", "日本語の名前です")
	if want := "\r\x1b[Keleven char\r\x1b[Ktwelve cha…\r\x1b[K日本語の名…"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
