package rekey_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/rekey"
	"github.com/mcpkeep/mcpkeep/internal/repo/repotest"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// world is a store and its keys.
type world struct {
	repotest.World
	*rekey.Keys
}

func newWorld(t *testing.T, e dbtest.Engine) world {
	t.Helper()
	w := repotest.NewWorld(t, e)
	return world{World: w}.with(t, w.Key)
}

// with returns the world as a server with these keys sees it.
func (w world) with(t *testing.T, keys ...string) world {
	t.Helper()
	w.World = w.With(t, keys...)
	w.Keys = rekey.New(w.DB, repotest.Ring(t, keys...))
	return w
}

// rotationOf is a rotation without pauses.
func rotationOf(progress func(rekey.Progress)) rekey.Rotation {
	return rekey.Rotation{Rows: 1, Now: func() time.Time { return repotest.Now }, Progress: progress}
}

func asOperator(ctx context.Context) context.Context {
	return storage.WithActor(ctx, storage.Actor{Name: storage.ActorOperator})
}

// rotated rotates to the first of the keys and checks that nothing went wrong.
func (w world) rotated(t *testing.T, keys ...string) rekey.Rotated {
	t.Helper()
	done, err := w.with(t, keys...).Rotate(asOperator(t.Context()), rotationOf(nil))
	if err != nil {
		t.Fatalf("rotate: %v", err)
	}
	return done
}

// readable checks that every sealed value is what it was.
func (w world) readable(t *testing.T) {
	t.Helper()
	if err := w.PasswordAccepted(t.Context(), w.Users[0]); err != nil { // each read of the profile counts as a try
		t.Error(err)
	}
	for name, c := range w.SealedColumns() {
		if err := c.Read(t, w.World); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"one", "two"} {
		if c, err := w.Client(t.Context(), id); err != nil || c.Name != "client-name-"+id {
			t.Errorf("client %s: %q, %v", id, c.Name, err)
		}
	}
	report, err := w.Report(t.Context(), rekey.VerifyAll, nil)
	if err != nil || report.Unreadable.Total != 0 {
		t.Errorf("%d rows do not open, %v: %v", report.Unreadable.Total, err, report.Unreadable.First)
	}
}

// rowsOf counts the rows of each sealed column that name a key.
func (w world) rowsOf(t *testing.T, keyID string) map[string]int64 {
	t.Helper()
	rows := map[string]int64{}
	for _, column := range repotest.ColumnsOfKeys(t) {
		table, _, _ := strings.Cut(column, ".")
		rows[column] = dbtest.Value[int64](t, w.Conn,
			"SELECT COUNT(*) FROM "+table+" WHERE "+strings.TrimPrefix(column, table+".")+"_key_id = $1", keyID)
	}
	return rows
}

// events returns actor and detail of the events of a type.
func (w world) events(t *testing.T, what storage.EventType) []string {
	t.Helper()
	list, err := w.ListEvents(t.Context(), storage.EventFilter{Type: what}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range list {
		texts = append(texts, e.Actor+": "+e.Detail)
	}
	return texts
}

// Every sealed column of the schema is re-encrypted, and the old key is not
// needed any more.
func TestRotateKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		before := w.rowsOf(t, w.KeyID)
		for column, n := range before {
			if n < 2 {
				t.Errorf("%d rows of %s to begin with, want some", n, column)
			}
		}
		done := w.rotated(t, next, w.Key)
		var total int64
		for _, n := range before {
			total += n
		}
		want := rekey.Rotated{Passes: 2, Rekeyed: total, Retired: []string{w.KeyID}}
		if diff := cmp.Diff(want, done, cmp.AllowUnexported(rekey.UnreadableRows{})); diff != "" {
			t.Errorf("rotated (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, w.rowsOf(t, repotest.KeyID(t, next))); diff != "" {
			t.Errorf("rows of the new key (-want +got):\n%s", diff)
		}
		repotest.OnRecord(t, dbtest.Open(t, w.URL), next)
		if err := repotest.CheckKeys(t, dbtest.Open(t, w.URL), next); err != nil {
			t.Errorf("a start with the new key alone: %v", err)
		}
		w.with(t, next).readable(t)
		if diff := cmp.Diff([]string{"operator: key " + w.KeyID}, w.events(t, storage.EventKeyRetired)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		again := w.rotated(t, next)
		if again.Passes != 1 || again.Rekeyed != 0 || again.Retired != nil {
			t.Errorf("rotated once more: %+v, want nothing to do", again)
		}
	})
}

// A rotation that is interrupted after any page leaves everything readable, and
// continues when it is run again.
func TestRotationInterrupted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		server := w.with(t, next, w.Key)
		var rekeyed int64
		interruptions := 0
		for {
			ctx, interrupt := context.WithCancel(asOperator(t.Context()))
			done, err := server.Rotate(ctx, rotationOf(func(p rekey.Progress) {
				if p.Rekeyed > 0 {
					interrupt()
				}
			}))
			interrupt()
			rekeyed += done.Rekeyed
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			interruptions++
			server.readable(t)
			repotest.OnRecord(t, dbtest.Open(t, w.URL), next, w.Key)
		}
		if interruptions < 10 || rekeyed != int64(interruptions) {
			t.Errorf("%d rows in %d interrupted runs, want one each", rekeyed, interruptions)
		}
		w.with(t, next).readable(t)
		repotest.OnRecord(t, dbtest.Open(t, w.URL), next)
	})
}

// Sign-ins, refreshes and repeated refreshes continue while keys are rotated, back
// and forth.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := newWorld(t, e)
		keys := []string{w.Key, keyring.Generate()}
		for turn := range 2 {
			next, old := keys[1-turn], keys[turn]
			if turn == 1 {
				next = keyring.Generate() // the first one is retired
			}
			server := w.with(t, next, old)
			if err := server.CheckKeys(t.Context(), repotest.Now); err != nil {
				t.Fatal(err)
			}
			stop := make(chan struct{})
			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
							useOnce(t, server, strings.Join([]string{"load", string(rune('a' + turn)), string(rune('a' + i)), time.Now().String()}, " "))
						}
					}
				})
			}
			time.Sleep(50 * time.Millisecond)
			o := rotationOf(nil)
			o.Rows, o.Settle = 3, 20*time.Millisecond
			done, err := server.Rotate(asOperator(t.Context()), o)
			close(stop)
			all.Wait()
			if err != nil || len(done.Retired) != 1 {
				t.Fatalf("rotate: %+v, %v", done, err)
			}
			w.with(t, next).readable(t)
			keys[1] = next
		}
	})
}

// useOnce signs in, refreshes, and repeats the refresh.
func useOnce(t *testing.T, s storage.Store, id string) {
	t.Helper()
	first := repotest.Connect(t, s, id)
	x := storage.RefreshRotation{Token: storage.HashOf(first.Refresh.Value), ClientID: "client", Grace: time.Minute, Next: repotest.NewTokens()}
	second, err := s.RotateRefreshToken(t.Context(), x, repotest.Now)
	if err != nil {
		t.Errorf("refresh: %v", err)
		return
	}
	x.Next = repotest.NewTokens()
	again, err := s.RotateRefreshToken(t.Context(), x, repotest.Now)
	if err != nil || again.Tokens.Refresh.Value != second.Tokens.Refresh.Value {
		t.Errorf("repeated refresh: %v, want the same successor", err)
	}
	if _, err := s.Access(t.Context(), storage.HashOf(second.Tokens.Access.Value), repotest.Now); err != nil {
		t.Errorf("access: %v", err)
	}
}

// Servers that still seal with the old key are found out, and nothing is lost;
// when they have the right configuration, the rotation comes to its end.
func TestRotationWhileServersSealWithTheOldKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		behind, server := w.with(t, w.Key, next), w.with(t, next, w.Key)
		pass := 0
		appears := func(most int) func(rekey.Progress) {
			return func(p rekey.Progress) {
				if p.Pass > pass && p.Pass <= most {
					pass = p.Pass
					id := "late " + time.Now().String()
					repotest.Connect(t, behind, id)
				}
			}
		}
		done, err := server.Rotate(t.Context(), rotationOf(appears(100)))
		if !errors.Is(err, rekey.ErrStillSealing) || len(done.Retired) > 0 || !cmp.Equal(done.Needed, []string{w.KeyID}) {
			t.Errorf("rotate: %+v, %v, want ErrStillSealing", done, err)
		}
		repotest.OnRecord(t, dbtest.Open(t, w.URL), next, w.Key)
		server.readable(t)
		pass = 0
		done, err = server.Rotate(t.Context(), rotationOf(appears(2)))
		if err != nil || len(done.Retired) != 1 || done.Passes < 3 {
			t.Errorf("rotate: %+v, %v, want the key retired when no rows appear any more", done, err)
		}
		w.with(t, next).readable(t)
	})
}

// playRotateKeys rotates the database args[0] to the first of the keys args[1].
func playRotateKeys(args []string) (_ string, err error) {
	ctx := context.Background()
	d, err := db.Open(ctx, args[0])
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	keys, err := keyring.Parse(args[1])
	if err != nil {
		return "", err
	}
	done, err := rekey.New(d, keys).Rotate(ctx, rotationOf(nil))
	return strings.Repeat("row\n", int(done.Rekeyed)) + strings.Join(done.Retired, "\n"), err
}

// Several concurrent rotations share the work: each row is changed by one, and one
// retires the key.
func TestProcessesRotateKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		var total int
		for _, n := range w.rowsOf(t, w.KeyID) {
			total += int(n)
		}
		got := repotest.Tally(dbtest.Spawn(t, 4, "rotate-keys", w.URL, next+","+w.Key))
		delete(got, "")
		if diff := cmp.Diff(map[string]int{"row": total, w.KeyID: 1}, got); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if n := len(w.events(t, storage.EventKeyRetired)); n != 1 {
			t.Errorf("%d events, want one", n)
		}
		w.with(t, next).readable(t)
	})
}

// Two rotations in opposite directions do not lose anything, and never leave a
// row without its key.
func TestOppositeRotations(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next := newWorld(t, e), keyring.Generate()
		repotest.Open(t, dbtest.Open(t, w.URL), next, w.Key)
		var all sync.WaitGroup
		for _, keys := range [][]string{{next, w.Key}, {w.Key, next}} {
			server := w.with(t, keys...)
			all.Go(func() {
				_, err := server.Rotate(t.Context(), rotationOf(nil))
				if err != nil && !errors.Is(err, rekey.ErrStillSealing) && !errors.Is(err, sealed.ErrKey) {
					t.Errorf("rotate: %v", err)
				}
			})
		}
		all.Wait()
		w.with(t, next, w.Key).readable(t)
		ids, err := sealed.KeysOnRecord(t.Context(), dbtest.Open(t, w.URL))
		if err != nil || len(ids) == 0 {
			t.Errorf("keys on record: %v, %v", ids, err)
		}
	})
}

// A key that cannot be used is refused before anything is changed.
func TestRotationRefusesKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w, next, third := newWorld(t, e), keyring.Generate(), keyring.Generate()
		rotate := func(keys ...string) error {
			_, err := w.with(t, keys...).Rotate(t.Context(), rotationOf(nil))
			return err
		}
		repotest.Refused(t, rotate(next), []string{w.KeyID, repotest.KeyID(t, next)}, []string{w.Key, next})
		repotest.OnRecord(t, dbtest.Open(t, w.URL), w.Key)
		w.readable(t)
		if err := rotate(next, w.Key); err != nil {
			t.Fatal(err)
		}
		repotest.Refused(t, rotate(w.Key, next), []string{w.KeyID, "retired"}, []string{w.Key, next})
		dbtest.Exec(t, w.Conn, "UPDATE mcpkeep_encryption_keys SET canary = 'x' WHERE id = $1", repotest.KeyID(t, next))
		repotest.Refused(t, rotate(next), []string{repotest.KeyID(t, next), "canary"}, []string{next})
		if err := rotate(third, next); err != nil {
			t.Errorf("rotate away from a key with a damaged canary: %v", err)
		}
		w.with(t, third).readable(t)
		repotest.OnRecord(t, dbtest.Open(t, w.URL), third)
	})
}
