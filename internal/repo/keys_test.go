package repo_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// idOf is the id of one key.
func idOf(t testing.TB, key string) string {
	t.Helper()
	return ring(t, key).Primary()
}

// check runs CheckKeys with these keys.
func check(t testing.TB, d *db.DB, keys ...string) error {
	t.Helper()
	return repo.New(d, ring(t, keys...)).CheckKeys(t.Context(), now)
}

// onRecord checks which keys are on record, in any order.
func onRecord(t testing.TB, d *db.DB, keys ...string) {
	t.Helper()
	want := make([]string, len(keys))
	for i, key := range keys {
		want[i] = idOf(t, key)
	}
	got, err := repo.KeysOnRecord(t.Context(), d)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("keys on record: %v (-want +got):\n%s", err, diff)
	}
}

// refused checks that err is ErrKey, names each id and shows no key.
func refused(t testing.TB, err error, ids, keys []string) {
	t.Helper()
	if !errors.Is(err, repo.ErrKey) {
		t.Fatalf("CheckKeys = %v, want ErrKey", err)
	}
	for _, id := range ids {
		if !strings.Contains(err.Error(), id) {
			t.Errorf("%q does not name key %s", err, id)
		}
	}
	for _, key := range keys {
		if strings.Contains(err.Error(), key) {
			t.Errorf("%q shows a key", err)
		}
	}
}

func TestCheckKeys(t *testing.T) {
	t.Parallel()
	a, b, c := keyring.Generate(), keyring.Generate(), keyring.Generate()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d := e.Open(t)
		if err := check(t, d, a); err != nil {
			t.Fatalf("first start: %v", err)
		}
		onRecord(t, d, a)
		if err := check(t, d, a); err != nil {
			t.Errorf("second start: %v", err)
		}
		refused(t, check(t, d, b), []string{idOf(t, a), idOf(t, b)}, []string{a, b})
		onRecord(t, d, a)
		if err := check(t, d, a, b); err != nil {
			t.Errorf("a further key that only opens: %v", err)
		}
		onRecord(t, d, a)
		if err := check(t, d, b, a); err != nil {
			t.Errorf("a new key put first: %v", err)
		}
		onRecord(t, d, a, b)
		refused(t, check(t, d, a), []string{idOf(t, b)}, []string{a, b})
		refused(t, check(t, d, b), []string{idOf(t, a)}, []string{a, b})
		refused(t, check(t, d, c), []string{idOf(t, a), idOf(t, b), idOf(t, c)}, []string{a, b, c})
		if err := check(t, d, a, c, b); err != nil {
			t.Errorf("all keys, in another order: %v", err)
		}
		onRecord(t, d, a, b)
	})
}

func TestRetiredKey(t *testing.T) {
	t.Parallel()
	a, b := keyring.Generate(), keyring.Generate()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d := e.Open(t)
		newRepo(t, d, a)
		newRepo(t, d, b, a)
		err := d.InTx(t.Context(), func(q db.Querier) error {
			_, err := q.RetireEncryptionKey(t.Context(), sqlitedb.RetireEncryptionKeyParams{Now: now.Unix(), ID: idOf(t, a)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		onRecord(t, d, b)
		if err := check(t, d, b); err != nil {
			t.Errorf("without the retired key: %v", err)
		}
		if err := check(t, d, b, a); err != nil {
			t.Errorf("with the retired key behind: %v", err)
		}
		refused(t, check(t, d, a, b), []string{idOf(t, a)}, []string{a, b})
		onRecord(t, d, b)
	})
}

func TestKeyInUseIsNotRetired(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d, key := e.Open(t), keyring.Generate()
		connect(t, newRepo(t, d, key), "a")
		err := d.InTx(t.Context(), func(q db.Querier) error {
			_, err := q.RetireEncryptionKey(t.Context(), sqlitedb.RetireEncryptionKeyParams{Now: now.Unix(), ID: idOf(t, key)})
			return err
		})
		if d.Classify(err) != db.ForeignKey {
			t.Errorf("retire a key in use: %v, want a foreign key violation", err)
		}
	})
}

func TestDamagedCanary(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, a, b := e.URL(t), keyring.Generate(), keyring.Generate()
		d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
		newRepo(t, d, a)
		newRepo(t, d, b, a)
		other := dbtest.Value[string](t, conn, "SELECT canary FROM encryption_keys WHERE id = $1", idOf(t, b))
		for _, damage := range []string{"", "gAAAAA", other} {
			dbtest.Exec(t, conn, "UPDATE encryption_keys SET canary = $1 WHERE id = $2", damage, idOf(t, a))
			refused(t, check(t, d, b, a), []string{idOf(t, a)}, []string{a, b})
		}
	})
}

// playCheckKeys runs CheckKeys on the database args[0] with one of the keys
// args[2:], chosen by the process's number args[1]; it prints the outcome.
func playCheckKeys(args []string) (_ string, err error) {
	ctx := context.Background()
	d, err := db.Open(ctx, args[0])
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	spec := args[2+int(args[1][0]-'0')%(len(args)-2)]
	keys, err := keyring.Parse(spec)
	if err != nil {
		return "", err
	}
	err = repo.New(d, keys).CheckKeys(ctx, now)
	if errors.Is(err, repo.ErrKey) {
		return keys.Primary() + " refused", nil
	}
	return keys.Primary() + " ok", err
}

func TestProcessesRecordOneKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		got := tally(dbtest.Spawn(t, 8, "check-keys", url, "{i}", key))
		if diff := cmp.Diff(map[string]int{idOf(t, key) + " ok": 8}, got); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		onRecord(t, dbtest.Open(t, url), key)
	})
}

func TestProcessesWithTwoKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, a, b := e.URL(t), keyring.Generate(), keyring.Generate()
		got := tally(dbtest.Spawn(t, 8, "check-keys", url, "{i}", a, b))
		ids, err := repo.KeysOnRecord(t.Context(), dbtest.Open(t, url))
		if err != nil || len(ids) != 1 {
			t.Fatalf("keys on record: %v, %v, want one", ids, err)
		}
		winner, loser := idOf(t, a), idOf(t, b)
		if ids[0] == loser {
			winner, loser = loser, winner
		}
		if diff := cmp.Diff(map[string]int{winner + " ok": 4, loser + " refused": 4}, got); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
	})
}

// sharedRow is the value of a client row as FastMCP writes it.
func sharedRow(t testing.TB, keys *keyring.Keyring, id string) []byte {
	t.Helper()
	plaintext, err := fastmcp.EncodeClient(fastmcp.Client{
		ClientID: id, RedirectURIs: []string{"http://127.0.0.1/cb"}, TokenEndpointAuthMethod: "none",
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if keys == nil {
		return plaintext
	}
	value, err := fastmcp.Seal(keys, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestAdoptedTable(t *testing.T) {
	t.Parallel()
	own, foreign := keyring.Generate(), keyring.Generate()
	tests := map[string]struct {
		rows []*keyring.Keyring // what sealed each row; nil is plaintext
		ok   bool
	}{
		"no rows":           {nil, true},
		"openable":          {[]*keyring.Keyring{ring(t, own), ring(t, own)}, true},
		"plaintext":         {[]*keyring.Keyring{nil, nil}, true},
		"foreign":           {[]*keyring.Keyring{ring(t, foreign), ring(t, foreign)}, false},
		"some are openable": {[]*keyring.Keyring{ring(t, foreign), ring(t, own), ring(t, foreign)}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
				url := e.URL(t)
				d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
				for i, sealedBy := range tt.rows {
					id := string(rune('a' + i))
					dbtest.Exec(t, conn, "INSERT INTO oauth_clients (key, value) VALUES ($1, $2)",
						fastmcp.ClientKey(id), string(sharedRow(t, sealedBy, id)))
				}
				err := check(t, d, own)
				if tt.ok {
					if err != nil {
						t.Errorf("CheckKeys: %v", err)
					}
					onRecord(t, d, own)
					return
				}
				refused(t, err, []string{idOf(t, own)}, []string{own, foreign})
				onRecord(t, d)
				if err := check(t, d, own, foreign); err != nil {
					t.Errorf("with the other program's key as well: %v", err)
				}
			})
		})
	}
}

func TestClientsOfFastMCP(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		s, conn := newRepo(t, dbtest.Open(t, url), key), dbtest.SQL(t, url)
		insert := "INSERT INTO oauth_clients (key, value, created_at) VALUES ($1, $2, '2026-01-02 03:04:05')"
		dbtest.Exec(t, conn, insert, fastmcp.ClientKey("sealed"), string(sharedRow(t, ring(t, key), "sealed")))
		dbtest.Exec(t, conn, insert, fastmcp.ClientKey("plain"), string(sharedRow(t, nil, "plain")))
		dbtest.Exec(t, conn, insert, "mcp-authorization-codes:other", "{}") // another collection of theirs
		for _, id := range []string{"sealed", "plain"} {
			c, err := s.Client(t.Context(), id)
			if err != nil {
				t.Errorf("client %s: %v", id, err)
				continue
			}
			got := []any{c.ID, c.RedirectURIs, c.GrantTypes, c.SecretHash, c.CreatedAt.Format("2006-01-02 15:04:05")}
			want := []any{
				id, []string{"http://127.0.0.1/cb"}, []string{"authorization_code", "refresh_token"},
				storage.Hash(""), "2026-01-02 03:04:05",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("client %s (-want +got):\n%s", id, diff)
			}
		}
		list, err := s.ListClients(t.Context(), "", 10, now)
		if err != nil || len(list) != 2 {
			t.Errorf("list of %d, %v, want the two clients", len(list), err)
		}
	})
}
