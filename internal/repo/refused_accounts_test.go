package repo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const countAccounts = "SELECT COUNT(*) FROM mcpkeep_refused_accounts"

// A refused account ends with its event, also when a server of an earlier version, which
// does not know of it, deletes that.
func TestRefusedAccountEndsWithItsEvent(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := repotest.NewWorld(t, e)
		if got := dbtest.Value[int64](t, w.Conn, countAccounts); got != 2 {
			t.Fatalf("%d accounts, want 2", got)
		}
		dbtest.Exec(t, w.Conn, "DELETE FROM mcpkeep_events WHERE id = $1", w.Refused[0])
		if got := dbtest.Value[int64](t, w.Conn, countAccounts); got != 1 {
			t.Errorf("%d accounts after one event went, want 1", got)
		}
		if _, err := w.DeleteExpired(t.Context(), repotest.Now.Add(48*time.Hour), storage.Retention{Events: 24 * time.Hour}, 1000); err != nil {
			t.Fatal(err)
		}
		if got := dbtest.Value[int64](t, w.Conn, countAccounts); got != 0 {
			t.Errorf("%d accounts outlive their events", got)
		}
	})
}

// Without the key of an account its event is still listed, and says why it has no name.
func TestRefusedAccountsWithoutKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := repotest.NewWorld(t, e)
		dbtest.Exec(t, w.Conn, "UPDATE mcpkeep_refused_accounts SET account = 'damaged' WHERE event_id = $1", w.Refused[1])
		for name, tt := range map[string]struct {
			store *repo.Repo
			want  [2]error
		}{
			"the key":     {w.Repo, [2]error{nil, storage.ErrUnreadable}},
			"no key":      {repo.New(dbtest.Open(t, w.URL), new(keyring.Keyring)), [2]error{storage.ErrUnavailable, storage.ErrUnavailable}},
			"another key": {repo.New(dbtest.Open(t, w.URL), repotest.Ring(t, keyring.Generate())), [2]error{storage.ErrUnavailable, storage.ErrUnavailable}},
		} {
			events, err := tt.store.ListEvents(t.Context(), storage.EventFilter{Type: storage.EventSignInRefused}, "", 10)
			if err == nil {
				err = tt.store.DescribeRefused(t.Context(), events)
			}
			if err != nil || len(events) != 2 {
				t.Fatalf("%s: %d events, %v", name, len(events), err)
			}
			for _, e := range events {
				want := tt.want[0]
				if e.ID == w.Refused[1] {
					want = tt.want[1]
				}
				if e.Account == nil || !errors.Is(e.Account.Broken, want) || (want == nil) != (e.Account.Login == "refused-first") {
					t.Errorf("%s: account %+v, want %v", name, e.Account, want)
				}
			}
		}
	})
}

// A row of a huge account is small: anyone may add as many as there are attempts.
func TestRefusedAccountIsSmall(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := repotest.NewWorld(t, e)
		who := repotest.Person
		who.Login, who.Name, who.Domain = strings.Repeat("\x01", 100_000), strings.Repeat("é", 100_000), strings.Repeat("<", 100_000)
		who.Groups = make([]string, 1000)
		for i := range who.Groups {
			who.Groups[i] = strings.Repeat("\x01", 1000)
		}
		if err := w.RecordEvent(t.Context(), storage.Event{Type: storage.EventSignInRefused, Account: storage.AccountOf(who)}, repotest.Now); err != nil {
			t.Fatal(err)
		}
		const most = 3000 // the envelope makes a third more of 2048 bytes
		if got := dbtest.Value[int64](t, w.Conn, "SELECT MAX(LENGTH(account)) FROM mcpkeep_refused_accounts"); got > most || got < most/4 {
			t.Errorf("a huge account takes %d bytes", got)
		}
	})
}
