package db_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/db/sqlitedb"
)

// rekey replaces the profile of the fixture's user if it is old.
func rekey(t *testing.T, q db.Querier, old, token, keyID string) error {
	t.Helper()
	return q.RekeyProfile(t.Context(), sqlitedb.RekeyProfileParams{Token: token, KeyID: keyID, RowID: "u", OldToken: old})
}

func TestInBatch(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
		fill(t, conn)
		profile := func() string { return dbtest.Value[string](t, conn, "SELECT profile FROM mcpkeep_users") }

		changed, err := d.InBatch(t.Context(), func(db.Querier) error { return nil })
		if changed != 0 || err != nil {
			t.Errorf("an empty batch: %d rows, %v", changed, err)
		}
		changed, err = d.InBatch(t.Context(), func(q db.Querier) error {
			for _, step := range [][2]string{{"x", "y"}, {"x", "lost"}, {"y", "z"}} { // the second one is too late
				if err := rekey(t, q, step[0], step[1], "k"); err != nil {
					return err
				}
			}
			return nil
		})
		if changed != 2 || err != nil || profile() != "z" {
			t.Errorf("%d rows, %v, profile %q, want 2 and z", changed, err, profile())
		}
		changed, err = d.InBatch(t.Context(), func(q db.Querier) error {
			if err := rekey(t, q, "z", "lost", "k"); err != nil {
				return err
			}
			return rekey(t, q, "lost", "lost", "no such key")
		})
		if changed != 0 || d.Classify(err) != db.ForeignKey || profile() != "z" {
			t.Errorf("a batch that fails: %d rows, %v, profile %q", changed, err, profile())
		}
		if _, err := d.Read().CountUsers(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestInBatchRefusesStatementsWithAResult(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres().Open(t)
	for name, statement := range map[string]func(q db.Querier) error{
		"one":  func(q db.Querier) error { _, err := q.CountUsers(t.Context()); return err },
		"many": func(q db.Querier) error { _, err := q.ListActiveEncryptionKeys(t.Context()); return err },
	} {
		if _, err := d.InBatch(t.Context(), statement); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A row that changed after it was read is not overwritten, whichever column it is.
func TestRekeyComparesBeforeItWrites(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		url := e.URL(t)
		d, conn := dbtest.Open(t, url), dbtest.SQL(t, url)
		fill(t, conn)
		dbtest.Exec(t, conn, "UPDATE mcpkeep_users SET password = 'x', password_key_id = 'k'")
		dbtest.Exec(t, conn, "UPDATE mcpkeep_grants SET provider_token = 'x', provider_token_key_id = 'k'")
		dbtest.Exec(t, conn, "UPDATE mcpkeep_refresh_tokens SET successor = 'x', successor_key_id = 'k'")
		for column, write := range map[string]func(q db.Querier, row, old string) error{
			"profile": func(q db.Querier, row, old string) error {
				return q.RekeyProfile(t.Context(), sqlitedb.RekeyProfileParams{Token: "y", KeyID: "k", RowID: row, OldToken: old})
			},
			"password": func(q db.Querier, row, old string) error {
				return q.RekeyPassword(t.Context(), sqlitedb.RekeyPasswordParams{Token: "y", KeyID: "k", RowID: row, OldToken: old})
			},
			"request": func(q db.Querier, row, old string) error {
				return q.RekeyRequest(t.Context(), sqlitedb.RekeyRequestParams{Token: "y", KeyID: "k", RowID: row, OldToken: old})
			},
			"provider_token": func(q db.Querier, row, old string) error {
				return q.RekeyProviderToken(t.Context(), sqlitedb.RekeyProviderTokenParams{Token: "y", KeyID: "k", RowID: row, OldToken: old})
			},
			"successor": func(q db.Querier, row, old string) error {
				return q.RekeySuccessor(t.Context(), sqlitedb.RekeySuccessorParams{Token: "y", KeyID: "k", RowID: row, OldToken: old})
			},
			"value": func(q db.Querier, row, old string) error {
				k := "k"
				return q.RekeySharedRow(t.Context(), sqlitedb.RekeySharedRowParams{
					Value: []byte(`{"v": 2}`), ValueKeyID: &k, Key: row, OldValue: old,
				})
			},
		} {
			row, right := map[string]string{"request": "a", "provider_token": "g", "successor": hash43, "value": "mcp-oauth-proxy-clients:c"}[column], "x"
			if row == "" {
				row = "u"
			}
			if column == "value" {
				right = `{"v": 1}`
			}
			for _, try := range []struct {
				row, old string
				want     int64
			}{{row, "other", 0}, {"other", right, 0}, {row, right, 1}, {row, right, 0}} {
				changed, err := d.InBatch(t.Context(), func(q db.Querier) error { return write(q, try.row, try.old) })
				if changed != try.want || err != nil {
					t.Errorf("%s of row %q, if it is %q: %d rows, %v, want %d", column, try.row, try.old, changed, err, try.want)
				}
			}
		}
	})
}
