package repo_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// unreadable checks the error about a row that cannot be decrypted.
func unreadable(t *testing.T, err error, want storage.UnreadableError) {
	t.Helper()
	var got *storage.UnreadableError
	if !errors.As(err, &got) || !errors.Is(err, storage.ErrUnreadable) || errors.Is(err, storage.ErrNotFound) {
		t.Errorf("error %v, want an UnreadableError", err)
		return
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// A value that is damaged, or copied from another row, does not open; the error
// says which row and key.
func TestSealedColumns(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := repotest.NewWorld(t, e)
		for name, c := range w.SealedColumns() {
			t.Run(name, func(t *testing.T) {
				if err := c.Read(t, w); err != nil {
					t.Fatalf("as it is: %v", err)
				}
				right := w.Value(t, c, c.First)
				keyID := dbtest.Value[string](t, w.Conn,
					"SELECT "+c.Column+"_key_id FROM "+c.Table+" WHERE "+c.Key+" = $1", c.First)
				if keyID != w.KeyID || !strings.HasPrefix(right, "gAAAAA") {
					t.Errorf("key %q and value %.8q, want a Fernet token of key %q", keyID, right, w.KeyID)
				}
				want := storage.UnreadableError{Table: c.Table, Row: c.First, KeyID: w.KeyID}
				for _, wrong := range []string{
					w.Value(t, c, c.Second), "", "x", right[:len(right)-8], right + "AAAA", strings.ToUpper(right),
				} {
					w.Set(t, c, wrong)
					err := c.Read(t, w)
					unreadable(t, err, want)
					if wrong != "" && wrong != "x" && strings.Contains(err.Error(), wrong) {
						t.Errorf("the error shows the value: %v", err)
					}
				}
				w.Set(t, c, right)
				if err := c.Read(t, w); err != nil {
					t.Errorf("fixed: %v", err)
				}
			})
		}
	})
}

// Every column next to a key ID is in the table above, but for oauth_clients.value:
// its format is shared and names no key.
func TestSealedColumnsAreComplete(t *testing.T) {
	t.Parallel()
	w := repotest.NewWorld(t, dbtest.SQLite())
	got := []string{"oauth_clients.value"}
	for _, c := range w.SealedColumns() {
		got = append(got, c.Table+"."+c.Column)
	}
	slices.Sort(got)
	if diff := cmp.Diff(repotest.ColumnsOfKeys(t), got); diff != "" {
		t.Errorf("sealed columns (-schema +tested):\n%s", diff)
	}
}

func TestUnreadableClient(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := repotest.NewWorld(t, e)
		value := func(id string) string {
			return dbtest.Rows(t, w.Conn, "SELECT value FROM oauth_clients WHERE key = $1", fastmcp.ClientKey(id))[0][0]
		}
		right := value("one")
		for name, wrong := range map[string]string{
			"another row's":  value("two"),
			"another key's":  string(repotest.SharedRow(t, repotest.Ring(t, keyring.Generate()), "one")),
			"cut":            right[:len(right)/2] + right[len(right)/2+8:],
			"no envelope":    `{"unknown": 1}`,
			"not an object":  `[1]`,
			"a string":       `"x"`,
			"null":           `null`,
			"plain of other": string(repotest.SharedRow(t, nil, "two")),
		} {
			t.Run(name, func(t *testing.T) {
				dbtest.Exec(t, w.Conn, "UPDATE oauth_clients SET value = $1 WHERE key = $2", wrong, fastmcp.ClientKey("one"))
				_, err := w.Client(t.Context(), "one")
				unreadable(t, err, storage.UnreadableError{Table: "oauth_clients", Row: fastmcp.ClientKey("one")})
				if _, err := w.Client(t.Context(), "two"); err != nil {
					t.Errorf("the other client: %v", err)
				}
				list, err := w.ListClients(t.Context(), "", 10, repotest.Now)
				if err != nil || len(list) != 3 { // and the one that the grants belong to
					t.Fatalf("list of %d, %v, want all", len(list), err)
				}
				list = list[1:]
				want := storage.ClientSummary{Client: storage.Client{ID: "one", CreatedAt: repotest.Now}, Unreadable: true}
				if diff := cmp.Diff(want, list[0]); diff != "" {
					t.Errorf("unreadable row in the list (-want +got):\n%s", diff)
				}
				if list[1].Unreadable || list[1].Client.Name != "client-name-two" {
					t.Errorf("the other row in the list: %+v", list[1])
				}
			})
		}
		if err := w.DeleteClient(t.Context(), "one", repotest.Now); err != nil {
			t.Errorf("an unreadable client cannot be deleted: %v", err)
		}
	})
}

// TestNoSecretsAtRest: 6749-21, AS-20. What was handed out, or is a person's own,
// is nowhere to be found in the database, nor in SQLite's files.
func TestNoSecretsAtRest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := repotest.NewWorld(t, e)
		dump := dbtest.Dump(t, w.Conn)
		if path, ok := db.IsSQLite(w.URL); ok {
			dump += readAll(t, path, path+"-wal")
		}
		secrets := []string{
			"code one", "browser one", "state one", "client-state-one", "provider-verifier-one", "provider-nonce-one",
			"gho_provider-token-one", repotest.Person.Login, repotest.Person.Name, repotest.Person.Email, "login-owner", "refused-first", "$argon2id$owner",
			"client-secret", "client-name-one", "redirect-one.example",
		}
		for _, pairs := range w.Tokens {
			for _, pair := range pairs {
				secrets = append(secrets, pair.Access.Value, pair.Refresh.Value, pair.Access.Value[4:], pair.Refresh.Value[4:])
			}
		}
		for _, secret := range secrets {
			if strings.Contains(dump, secret) {
				t.Errorf("the database holds %q", secret)
			}
		}
		// That the search works at all: what is not secret is found.
		for _, public := range []string{"grt_one", string(storage.HashOf("code one")), w.KeyID, "https://github.com"} {
			if !strings.Contains(dump, public) {
				t.Errorf("the dump lacks %q", public)
			}
		}
	})
}

// readAll returns the files' bytes; the write-ahead log may be missing.
func readAll(t *testing.T, paths ...string) string {
	t.Helper()
	var all strings.Builder
	for i, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil && (i == 0 || !errors.Is(err, os.ErrNotExist)) {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}
