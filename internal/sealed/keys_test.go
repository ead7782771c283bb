package sealed_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
)

func TestCheckKeys(t *testing.T) {
	t.Parallel()
	a, b, c := keyring.Generate(), keyring.Generate(), keyring.Generate()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d := e.Open(t)
		if err := repotest.CheckKeys(t, d, a); err != nil {
			t.Fatalf("first start: %v", err)
		}
		repotest.OnRecord(t, d, a)
		if err := repotest.CheckKeys(t, d, a); err != nil {
			t.Errorf("second start: %v", err)
		}
		repotest.Refused(t, repotest.CheckKeys(t, d, b), []string{repotest.KeyID(t, a), repotest.KeyID(t, b)}, []string{a, b})
		repotest.OnRecord(t, d, a)
		if err := repotest.CheckKeys(t, d, a, b); err != nil {
			t.Errorf("a further key that only opens: %v", err)
		}
		repotest.OnRecord(t, d, a)
		if err := repotest.CheckKeys(t, d, b, a); err != nil {
			t.Errorf("a new key put first: %v", err)
		}
		repotest.OnRecord(t, d, a, b)
		repotest.Refused(t, repotest.CheckKeys(t, d, a), []string{repotest.KeyID(t, b)}, []string{a, b})
		repotest.Refused(t, repotest.CheckKeys(t, d, b), []string{repotest.KeyID(t, a)}, []string{a, b})
		repotest.Refused(t, repotest.CheckKeys(t, d, c), []string{repotest.KeyID(t, a), repotest.KeyID(t, b), repotest.KeyID(t, c)}, []string{a, b, c})
		if err := repotest.CheckKeys(t, d, a, c, b); err != nil {
			t.Errorf("all keys, in another order: %v", err)
		}
		repotest.OnRecord(t, d, a, b)
	})
}

func TestRetiredKey(t *testing.T) {
	t.Parallel()
	a, b := keyring.Generate(), keyring.Generate()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d := e.Open(t)
		repotest.Open(t, d, a)
		repotest.Open(t, d, b, a)
		err := d.InTx(t.Context(), func(q db.Querier) error {
			_, err := q.RetireEncryptionKey(t.Context(), sqlitedb.RetireEncryptionKeyParams{Now: repotest.Now.Unix(), ID: repotest.KeyID(t, a)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		repotest.OnRecord(t, d, b)
		if err := repotest.CheckKeys(t, d, b); err != nil {
			t.Errorf("without the retired key: %v", err)
		}
		if err := repotest.CheckKeys(t, d, b, a); err != nil {
			t.Errorf("with the retired key behind: %v", err)
		}
		repotest.Refused(t, repotest.CheckKeys(t, d, a, b), []string{repotest.KeyID(t, a)}, []string{a, b})
		repotest.OnRecord(t, d, b)
	})
}

func TestKeyInUseIsNotRetired(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d, key := e.Open(t), keyring.Generate()
		repotest.Connect(t, repotest.Open(t, d, key), "a")
		err := d.InTx(t.Context(), func(q db.Querier) error {
			_, err := q.RetireEncryptionKey(t.Context(), sqlitedb.RetireEncryptionKeyParams{Now: repotest.Now.Unix(), ID: repotest.KeyID(t, key)})
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
		repotest.Open(t, d, a)
		repotest.Open(t, d, b, a)
		other := dbtest.Value[string](t, conn, "SELECT canary FROM mcpkeep_encryption_keys WHERE id = $1", repotest.KeyID(t, b))
		for _, damage := range []string{"", "gAAAAA", other} {
			dbtest.Exec(t, conn, "UPDATE mcpkeep_encryption_keys SET canary = $1 WHERE id = $2", damage, repotest.KeyID(t, a))
			repotest.Refused(t, repotest.CheckKeys(t, d, b, a), []string{repotest.KeyID(t, a)}, []string{a, b})
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
	err = repo.New(d, keys).CheckKeys(ctx, repotest.Now)
	if errors.Is(err, sealed.ErrKey) {
		return keys.Primary() + " refused", nil
	}
	return keys.Primary() + " ok", err
}

func TestProcessesRecordOneKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, key := e.URL(t), keyring.Generate()
		got := repotest.Tally(dbtest.Spawn(t, 8, "check-keys", url, "{i}", key))
		if diff := cmp.Diff(map[string]int{repotest.KeyID(t, key) + " ok": 8}, got); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		repotest.OnRecord(t, dbtest.Open(t, url), key)
	})
}

func TestProcessesWithTwoKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url, a, b := e.URL(t), keyring.Generate(), keyring.Generate()
		got := repotest.Tally(dbtest.Spawn(t, 8, "check-keys", url, "{i}", a, b))
		ids, err := sealed.KeysOnRecord(t.Context(), dbtest.Open(t, url))
		if err != nil || len(ids) != 1 {
			t.Fatalf("keys on record: %v, %v, want one", ids, err)
		}
		winner, loser := repotest.KeyID(t, a), repotest.KeyID(t, b)
		if ids[0] == loser {
			winner, loser = loser, winner
		}
		if diff := cmp.Diff(map[string]int{winner + " ok": 4, loser + " refused": 4}, got); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
	})
}

func TestAdoptedTable(t *testing.T) {
	t.Parallel()
	own, foreign := keyring.Generate(), keyring.Generate()
	tests := map[string]struct {
		rows []*keyring.Keyring // what sealed each row; nil is plaintext
		ok   bool
	}{
		"no rows":           {nil, true},
		"openable":          {[]*keyring.Keyring{repotest.Ring(t, own), repotest.Ring(t, own)}, true},
		"plaintext":         {[]*keyring.Keyring{nil, nil}, true},
		"foreign":           {[]*keyring.Keyring{repotest.Ring(t, foreign), repotest.Ring(t, foreign)}, false},
		"some are openable": {[]*keyring.Keyring{repotest.Ring(t, foreign), repotest.Ring(t, own), repotest.Ring(t, foreign)}, true},
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
						fastmcp.ClientKey(id), string(repotest.SharedRow(t, sealedBy, id)))
				}
				err := repotest.CheckKeys(t, d, own)
				if tt.ok {
					if err != nil {
						t.Errorf("CheckKeys: %v", err)
					}
					repotest.OnRecord(t, d, own)
					return
				}
				repotest.Refused(t, err, []string{repotest.KeyID(t, own)}, []string{own, foreign})
				repotest.OnRecord(t, d)
				if err := repotest.CheckKeys(t, d, own, foreign); err != nil {
					t.Errorf("with the other program's key as well: %v", err)
				}
			})
		})
	}
}
