package repo_test

import (
	"database/sql"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// world is a store with something sealed in every sealed column, twice.
type world struct {
	*repo.Repo
	conn   *sql.DB
	url    string
	key    string
	keyID  string
	tokens map[string][2]storage.NewTokens // first and second of each grant
	users  [2]string
}

func newWorld(t *testing.T, e dbtest.Engine) world {
	t.Helper()
	url, key := e.URL(t), keyring.Generate()
	w := world{
		Repo: newRepo(t, dbtest.Open(t, url), key), conn: dbtest.SQL(t, url), url: url, key: key, keyID: idOf(t, key),
		tokens: map[string][2]storage.NewTokens{},
	}
	for _, id := range []string{"one", "two"} {
		if err := w.CreateClient(t.Context(), storage.Client{
			ID: id, Name: "client-name-" + id, RedirectURIs: []string{"https://redirect-" + id + ".example/cb"},
			AuthMethod: "client_secret_basic", SecretHash: storage.HashOf("client-secret"), CreatedAt: now,
		}); err != nil {
			t.Fatal(err)
		}
		first := connect(t, w, id)
		issued, err := w.RotateRefreshToken(t.Context(), storage.RefreshRotation{
			Token: storage.HashOf(first.Refresh.Value), ClientID: "client", Grace: time.Minute, Next: newTokens(),
		}, now)
		if err != nil {
			t.Fatal(err)
		}
		w.tokens[id] = [2]storage.NewTokens{first, issued.Tokens}
	}
	for i, subject := range []string{"owner", "second"} {
		p := storage.Person{Issuer: "local", Subject: subject, Login: "login-" + subject}
		if err := w.SetPassword(t.Context(), p, "$argon2id$"+subject, false, now); err != nil {
			t.Fatal(err)
		}
		user, _, err := w.TryPassword(t.Context(), p, now)
		if err != nil {
			t.Fatal(err)
		}
		w.users[i] = user.ID
	}
	return w
}

// sealedColumn is a column with two rows, and how the first one is read.
type sealedColumn struct {
	table, key, column string
	first, second      string // primary keys
	read               func(*testing.T, world) error
}

func (w world) sealedColumns() map[string]sealedColumn {
	one, two := w.tokens["one"], w.tokens["two"]
	local := storage.Person{Issuer: "local", Subject: "owner"}
	refresh := func(t *testing.T, w world) error {
		_, _, err := w.RefreshGrant(t.Context(), storage.HashOf(one[1].Refresh.Value), "client", now)
		return err
	}
	return map[string]sealedColumn{
		"sign-in": {"oauth_authorizations", "id", "request", "one", "two", func(t *testing.T, w world) error {
			_, err := w.Authorization(t.Context(), "one", now)
			return err
		}},
		"profile": {"oauth_users", "id", "profile", w.users[0], w.users[1], func(t *testing.T, w world) error {
			_, _, err := w.TryPassword(t.Context(), local, now)
			return err
		}},
		"password": {"oauth_users", "id", "password", w.users[0], w.users[1], func(t *testing.T, w world) error {
			_, err := w.Password(t.Context(), local)
			return err
		}},
		"provider token": {"oauth_grants", "id", "provider_token", "grt_one", "grt_two", refresh},
		"successor": {
			"oauth_refresh_tokens", "token_hash", "successor",
			string(storage.HashOf(one[0].Refresh.Value)), string(storage.HashOf(two[0].Refresh.Value)),
			func(t *testing.T, w world) error {
				_, err := w.RotateRefreshToken(t.Context(), storage.RefreshRotation{
					Token: storage.HashOf(one[0].Refresh.Value), ClientID: "client", Grace: time.Minute, Next: newTokens(),
				}, now)
				return err
			},
		},
	}
}

func (w world) value(t *testing.T, c sealedColumn, row string) string {
	t.Helper()
	return dbtest.Value[string](t, w.conn, "SELECT "+c.column+" FROM "+c.table+" WHERE "+c.key+" = $1", row)
}

func (w world) set(t *testing.T, c sealedColumn, value string) {
	t.Helper()
	if n := dbtest.Exec(t, w.conn, "UPDATE "+c.table+" SET "+c.column+" = $1 WHERE "+c.key+" = $2", value, c.first); n != 1 {
		t.Fatalf("%d rows of %s changed", n, c.table)
	}
}

// unreadable checks the error about a row that does not open.
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
		w := newWorld(t, e)
		for name, c := range w.sealedColumns() {
			t.Run(name, func(t *testing.T) {
				if err := c.read(t, w); err != nil {
					t.Fatalf("as it is: %v", err)
				}
				right := w.value(t, c, c.first)
				keyID := dbtest.Value[string](t, w.conn,
					"SELECT "+c.column+"_key_id FROM "+c.table+" WHERE "+c.key+" = $1", c.first)
				if keyID != w.keyID || !strings.HasPrefix(right, "gAAAAA") {
					t.Errorf("key %q and value %.8q, want a Fernet token of key %q", keyID, right, w.keyID)
				}
				want := storage.UnreadableError{Table: c.table, Row: c.first, KeyID: w.keyID}
				for _, wrong := range []string{
					w.value(t, c, c.second), "", "x", right[:len(right)-8], right + "AAAA", strings.ToUpper(right),
				} {
					w.set(t, c, wrong)
					err := c.read(t, w)
					unreadable(t, err, want)
					if wrong != "" && wrong != "x" && strings.Contains(err.Error(), wrong) {
						t.Errorf("the error shows the value: %v", err)
					}
				}
				w.set(t, c, right)
				if err := c.read(t, w); err != nil {
					t.Errorf("mended: %v", err)
				}
			})
		}
	})
}

// Every column beside a key id is in the table above, but for oauth_clients.value:
// its format is shared and names no key.
func TestSealedColumnsAreComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite())
	got := []string{"oauth_clients.value"}
	for _, c := range w.sealedColumns() {
		got = append(got, c.table+"."+c.column)
	}
	slices.Sort(got)
	if diff := cmp.Diff(columnsOfKeys(t), got); diff != "" {
		t.Errorf("sealed columns (-schema +tested):\n%s", diff)
	}
}

// columnsOfKeys lists the sealed columns of the schema: those beside a key id.
func columnsOfKeys(t *testing.T) []string {
	t.Helper()
	conn := dbtest.SQL(t, dbtest.SQLite().URL(t))
	var columns []string
	for _, table := range dbtest.Tables(t, conn) {
		for _, row := range dbtest.Rows(t, conn, `SELECT "from" FROM pragma_foreign_key_list($1) WHERE "table" = 'encryption_keys'`, table) {
			columns = append(columns, table+"."+strings.TrimSuffix(row[0], "_key_id"))
		}
	}
	if len(columns) == 0 {
		t.Fatal("the schema has no sealed column")
	}
	slices.Sort(columns)
	return columns
}

func TestUnreadableClient(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := newWorld(t, e)
		value := func(id string) string {
			return dbtest.Rows(t, w.conn, "SELECT value FROM oauth_clients WHERE key = $1", fastmcp.ClientKey(id))[0][0]
		}
		right := value("one")
		for name, wrong := range map[string]string{
			"another row's":  value("two"),
			"another key's":  string(sharedRow(t, ring(t, keyring.Generate()), "one")),
			"cut":            right[:len(right)/2] + right[len(right)/2+8:],
			"no envelope":    `{"unknown": 1}`,
			"not an object":  `[1]`,
			"a string":       `"x"`,
			"null":           `null`,
			"plain of other": string(sharedRow(t, nil, "two")),
		} {
			t.Run(name, func(t *testing.T) {
				dbtest.Exec(t, w.conn, "UPDATE oauth_clients SET value = $1 WHERE key = $2", wrong, fastmcp.ClientKey("one"))
				_, err := w.Client(t.Context(), "one")
				unreadable(t, err, storage.UnreadableError{Table: "oauth_clients", Row: fastmcp.ClientKey("one")})
				if _, err := w.Client(t.Context(), "two"); err != nil {
					t.Errorf("the other client: %v", err)
				}
				list, err := w.ListClients(t.Context(), "", 10, now)
				if err != nil || len(list) != 2 {
					t.Fatalf("list of %d, %v, want both", len(list), err)
				}
				want := storage.ClientSummary{Client: storage.Client{ID: "one", CreatedAt: now}, Unreadable: true}
				if diff := cmp.Diff(want, list[0]); diff != "" {
					t.Errorf("unreadable row in the list (-want +got):\n%s", diff)
				}
				if list[1].Unreadable || list[1].Client.Name != "client-name-two" {
					t.Errorf("the other row in the list: %+v", list[1])
				}
			})
		}
		if err := w.DeleteClient(t.Context(), "one", now); err != nil {
			t.Errorf("an unreadable client cannot be deleted: %v", err)
		}
	})
}

// TestNoSecretsAtRest: 6749-21, AS-20. What was handed out, or is a person's own,
// is nowhere to be found in the database, nor in SQLite's files.
func TestNoSecretsAtRest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := newWorld(t, e)
		dump := dbtest.Dump(t, w.conn)
		if path, ok := db.IsSQLite(w.url); ok {
			dump += readAll(t, path, path+"-wal")
		}
		secrets := []string{
			"code one", "browser one", "state one", "client-state-one", "provider-verifier-one", "provider-nonce-one",
			"gho_provider-token-one", person.Login, person.Name, person.Email, "login-owner", "$argon2id$owner",
			"client-secret", "client-name-one", "redirect-one.example",
		}
		for _, pairs := range w.tokens {
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
		for _, public := range []string{"grt_one", string(storage.HashOf("code one")), w.keyID, "https://github.com"} {
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
