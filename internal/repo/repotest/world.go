package repotest

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// World is a store with something sealed in every sealed column, twice.
type World struct {
	*repo.Repo
	DB     *db.DB // of Repo
	Conn   *sql.DB
	URL    string
	Key    string
	KeyID  string
	Tokens map[string][2]storage.NewTokens // first and second of each grant
	Users  [2]string
	// Refused are the events of refused sign-ins.
	Refused [2]string
}

// NewWorld makes a world in a new database.
func NewWorld(t *testing.T, e dbtest.Engine) World {
	t.Helper()
	url, key := e.URL(t), keyring.Generate()
	w := World{
		Repo: Open(t, dbtest.Open(t, url), key), Conn: dbtest.SQL(t, url), URL: url, Key: key, KeyID: KeyID(t, key),
		Tokens: map[string][2]storage.NewTokens{},
	}
	for _, id := range []string{"one", "two"} {
		if err := w.CreateClient(t.Context(), storage.Client{
			ID: id, SecretHash: storage.HashOf("client-secret"), CreatedAt: Now,
			Client: metadata.Client{
				Name:         "client-name-" + id,
				RedirectURIs: []string{"https://redirect-" + id + ".example/cb"},
				AuthMethod:   "client_secret_basic",
			},
		}); err != nil {
			t.Fatal(err)
		}
		first := Connect(t, w, id)
		issued, err := w.RotateRefreshToken(t.Context(), storage.RefreshRotation{
			Token: storage.HashOf(first.Refresh.Value), ClientID: "client", Grace: time.Minute, Next: NewTokens(),
		}, Now)
		if err != nil {
			t.Fatal(err)
		}
		w.Tokens[id] = [2]storage.NewTokens{first, issued.Tokens}
		if err := w.PutTLSValue(t.Context(), "certificates/"+id, []byte("key of "+id), Now); err != nil {
			t.Fatal(err)
		}
		signing := storage.SigningKey{ID: "key-" + id, Number: int64(len(w.Tokens)), Private: []byte("private " + id), CreatedAt: Now, SignsAt: Now}
		if err := w.AddSigningKey(t.Context(), signing); err != nil {
			t.Fatal(err)
		}
	}
	for i, subject := range []string{"owner", "second"} {
		p := storage.Person{Issuer: "local", Subject: subject, Login: "login-" + subject}
		if err := w.SetPassword(t.Context(), p, "$argon2id$"+subject, false, Now); err != nil {
			t.Fatal(err)
		}
		user, _, err := w.TryPassword(t.Context(), p, Now)
		if err != nil {
			t.Fatal(err)
		}
		w.Users[i] = user.ID
		token := "grt_token_" + subject
		err = w.CreatePersonalToken(t.Context(), storage.NewPersonalToken{
			PersonalToken: storage.PersonalToken{Name: "token-" + subject, ExpiresAt: Now.Add(time.Hour)}, GrantID: token, UserID: user.ID,
			Token: storage.HashOf(token), Scope: "mcp", Resources: []string{"https://mcp.example/mcp"},
		}, Now)
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, login := range []string{"refused-first", "refused-second"} {
		w.Refused[i] = w.refuse(t, login)
	}
	return w
}

// refuse records that an account was refused, and returns the event.
func (w World) refuse(t *testing.T, login string) (event string) {
	t.Helper()
	who := storage.AccountOf(storage.Person{Issuer: "https://issuer.example", Subject: "subject-" + login, Login: login, Email: login + "@mail.example"})
	if err := w.RecordEvent(t.Context(), storage.Event{Type: storage.EventSignInRefused, Account: who}, Now); err != nil {
		t.Fatal(err)
	}
	refused, err := w.ListEvents(t.Context(), storage.EventFilter{Type: storage.EventSignInRefused}, "", 2)
	if err != nil || len(refused) == 0 {
		t.Fatal(err)
	}
	for _, e := range refused {
		if e.ID != w.Refused[0] {
			event = e.ID
		}
	}
	return event
}

// SealedColumn is a column with two rows, and how the first one is read.
type SealedColumn struct {
	Table, Key, Column string
	First, Second      string // primary keys
	Read               func(*testing.T, World) error
}

// SealedColumns returns the sealed columns of the schema but oauth_clients.value.
func (w World) SealedColumns() map[string]SealedColumn {
	one, two := w.Tokens["one"], w.Tokens["two"]
	local := storage.Person{Issuer: "local", Subject: "owner"}
	refresh := func(t *testing.T, w World) error {
		_, _, err := w.RefreshGrant(t.Context(), storage.HashOf(one[1].Refresh.Value), "client", Now)
		return err
	}
	return map[string]SealedColumn{
		"sign-in": {"mcpkeep_authorizations", "id", "request", "one", "two", func(t *testing.T, w World) error {
			_, err := w.Authorization(t.Context(), "one", Now)
			return err
		}},
		"profile": {"mcpkeep_users", "id", "profile", w.Users[0], w.Users[1], func(t *testing.T, w World) error {
			_, _, err := w.TryPassword(t.Context(), local, Now)
			return err
		}},
		"password": {"mcpkeep_users", "id", "password", w.Users[0], w.Users[1], func(t *testing.T, w World) error {
			_, err := w.Password(t.Context(), local)
			return err
		}},
		"certificate": {"mcpkeep_tls", "name", "value", "certificates/one", "certificates/two", func(t *testing.T, w World) error {
			_, err := w.TLSValue(t.Context(), "certificates/one")
			return err
		}},
		"signing key": {"mcpkeep_signing_keys", "id", "private_key", "key-one", "key-two", func(t *testing.T, w World) error {
			keys, err := w.SigningKeys(t.Context())
			if err != nil {
				return err
			}
			return keys[0].Broken
		}},
		"token for a script": {"mcpkeep_personal_tokens", "grant_id", "name", "grt_token_owner", "grt_token_second", func(t *testing.T, w World) error {
			grants, err := w.ListGrants(t.Context(), w.Users[0], "", 1, Now)
			if err != nil {
				return err
			}
			return grants[0].Personal.Broken
		}},
		"refused account": {"mcpkeep_refused_accounts", "event_id", "account", w.Refused[0], w.Refused[1], func(t *testing.T, w World) error {
			events := []storage.Event{{ID: w.Refused[0], Type: storage.EventSignInRefused}}
			if err := w.DescribeRefused(t.Context(), events); err != nil {
				return err
			}
			return events[0].Account.Broken
		}},
		"provider token": {"mcpkeep_grants", "id", "provider_token", "grt_one", "grt_two", refresh},
		"successor": {
			"mcpkeep_refresh_tokens", "token_hash", "successor",
			string(storage.HashOf(one[0].Refresh.Value)), string(storage.HashOf(two[0].Refresh.Value)),
			func(t *testing.T, w World) error {
				_, err := w.RotateRefreshToken(t.Context(), storage.RefreshRotation{
					Token: storage.HashOf(one[0].Refresh.Value), ClientID: "client", Grace: time.Minute, Next: NewTokens(),
				}, Now)
				return err
			},
		},
	}
}

// Value returns the value of a row.
func (w World) Value(t *testing.T, c SealedColumn, row string) string {
	t.Helper()
	return dbtest.Value[string](t, w.Conn, "SELECT "+c.Column+" FROM "+c.Table+" WHERE "+c.Key+" = $1", row)
}

// Set replaces the value of the first row.
func (w World) Set(t *testing.T, c SealedColumn, value string) {
	t.Helper()
	if n := dbtest.Exec(t, w.Conn, "UPDATE "+c.Table+" SET "+c.Column+" = $1 WHERE "+c.Key+" = $2", value, c.First); n != 1 {
		t.Fatalf("%d rows of %s changed", n, c.Table)
	}
}

// ColumnsOfKeys lists the sealed columns of the schema: those next to a key ID.
func ColumnsOfKeys(t *testing.T) []string {
	t.Helper()
	conn := dbtest.SQL(t, dbtest.SQLite().URL(t))
	var columns []string
	for _, table := range dbtest.Tables(t, conn) {
		for _, row := range dbtest.Rows(t, conn, `SELECT "from" FROM pragma_foreign_key_list($1) WHERE "table" = 'mcpkeep_encryption_keys'`, table) {
			columns = append(columns, table+"."+strings.TrimSuffix(row[0], "_key_id"))
		}
	}
	if len(columns) == 0 {
		t.Fatal("the schema has no sealed column")
	}
	slices.Sort(columns)
	return columns
}

// With returns the world as a server with these keys sees it.
func (w World) With(t *testing.T, keys ...string) World {
	t.Helper()
	w.DB = dbtest.Open(t, w.URL)
	w.Repo = repo.New(w.DB, Ring(t, keys...))
	return w
}
