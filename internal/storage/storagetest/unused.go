package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var unusedCases = []testCase{
	{"ClientSummary/as listed", clientSummary},
	{"ListUnusedClients/definition", unusedDefinition},
	{"ListUnusedClients/pages", unusedPages},
	{"DeleteUnusedClients/guard", deleteUnusedGuard},
	{"DeleteUnusedClients/race with sign-ins", deleteUnusedRace},
	{"DeleteUnusedClients/race with itself", deleteUnusedOnce},
}

// month later nothing of the start is in flight any more.
const month = 30 * 24 * time.Hour

func clientSummary(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("used")))
	k.ok(k.CreateClient(k.ctx(), client("unused")))
	k.ok(k.RegisterClient(k.ctx(), client("registered"), storage.Ceiling{}))
	k.rotate(k.connect("a", "used", alice, after(time.Hour)), after(2*time.Hour))
	for id, want := range map[string]storage.ClientSummary{
		"used":   {Client: client("used"), LastUsedAt: after(time.Hour), Grants: 1},
		"unused": {Client: client("unused")},

		"registered": {Client: client("registered"), Reclaimable: true},
	} {
		got, err := k.ClientSummary(k.ctx(), id, after(2*time.Hour))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			k.Errorf("%s: %v (-want +got):\n%s", id, err, diff)
		}
	}
	_, err := k.ClientSummary(k.ctx(), "unknown", start)
	k.refused("unknown", err, storage.ErrNotFound)
	list, err := k.ListUnusedClients(k.ctx(), start, "", 10, start)
	k.ok(err)
	if len(list) != 2 || !list[0].Reclaimable || list[1].Reclaimable {
		k.Errorf("unused: %+v", list)
	}
}

// unused lists the ids of all unused clients, two at once.
func (k *kit) unused(registered, now time.Time) []string {
	k.Helper()
	var ids []string
	var from string
	for {
		page, err := k.ListUnusedClients(k.ctx(), registered, from, 2, now)
		k.ok(err)
		if len(page) > 2 {
			k.Fatalf("a page of %d, want at most 2", len(page))
		}
		for _, s := range page {
			if want := (storage.ClientSummary{Client: client(s.Client.ID)}); !cmp.Equal(want.Client.RedirectURIs, s.Client.RedirectURIs) || s.Foreign || s.Unreadable {
				k.Errorf("summary %+v", s)
			}
			from = s.Client.ID
			ids = append(ids, from)
		}
		if len(page) == 0 {
			return ids
		}
	}
}

// workshop makes clients in each state; those in the returned list are unused.
func (k *kit) workshop() []string {
	k.Helper()
	for _, id := range []string{"connected", "denied", "expired", "flight", "never", "pending", "revoked"} {
		k.ok(k.CreateClient(k.ctx(), client(id)))
	}
	young := client("young")
	young.CreatedAt = after(month - time.Hour + time.Second)
	k.ok(k.CreateClient(k.ctx(), young))
	now := after(month)
	k.ok(k.StartAuthorization(k.ctx(), authorization("flight", "flight", now)))
	k.ok(k.StartAuthorization(k.ctx(), authorization("expired", "expired", start)))
	denied := authorization("denied", "denied", now)
	k.ok(k.StartAuthorization(k.ctx(), denied))
	_, err := k.DenyAuthorization(k.ctx(), denied.ID, denied.Browser, now)
	k.ok(err)
	k.approve("pending", "pending", alice, now)
	k.connect("connected", "connected", alice, now)
	k.ok(k.RevokeGrant(k.ctx(), k.connect("revoked", "revoked", alice, now).grant, now))
	return []string{"denied", "expired", "never"}
}

func unusedDefinition(k *kit) {
	want := k.workshop()
	k.sameList("older than an hour", k.unused(after(month-time.Hour), after(month)), want...)
	k.sameList("of any age", k.unused(after(month), after(month)), append(want, "young")...)
	k.sameList("older than all", k.unused(start.Add(-time.Second), after(month)))
}

func unusedPages(k *kit) {
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("client-%d", i))
		k.ok(k.CreateClient(k.ctx(), client(want[i])))
	}
	k.sameList("all", k.unused(start, start), want...)
}

// What became used between the listing and the deletion stays.
func deleteUnusedGuard(k *kit) {
	unused := k.workshop()
	before := k.types()
	all := []string{"connected", "denied", "expired", "flight", "never", "pending", "revoked", "young", "unknown"}
	n, err := k.DeleteUnusedClients(k.ctx(), all, after(month-time.Hour), after(month))
	if n != int64(len(unused)) || err != nil {
		k.Errorf("deleted %d, %v, want %d", n, err, len(unused))
	}
	for _, id := range all[:len(all)-1] {
		var want error
		if slices.Contains(unused, id) {
			want = storage.ErrNotFound
		}
		_, err := k.CurrentClient(k.ctx(), id)
		k.refused(id, err, want)
	}
	k.happened(append(before, storage.EventClientDeleted, storage.EventClientDeleted, storage.EventClientDeleted)...)
}

// Clients that are old and unused are deleted while people sign in with them. A
// sign-in that has begun ends well; whatever was deleted was not in use.
func deleteUnusedRace(k *kit) {
	now := after(month)
	ids := make([]string, racers)
	for i := range ids {
		ids[i] = fmt.Sprintf("r%02d", i)
		k.ok(k.CreateClient(k.ctx(), client(ids[i])))
	}
	began := make([]bool, racers)
	var mu sync.Mutex
	errs := race(racers, func(i int) error {
		if i%4 == 0 {
			_, err := k.DeleteUnusedClients(k.ctx(), ids, start, now)
			return err
		}
		if err := k.StartAuthorization(k.ctx(), authorization(ids[i], ids[i], now)); err != nil {
			return err
		}
		_, err := k.CurrentClient(k.ctx(), ids[i]) // as the server does before it goes on
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		mu.Lock()
		began[i] = err == nil
		mu.Unlock()
		return errors.Join(err, k.signIn(ids[i], now))
	})
	k.ok(errors.Join(errs...))
	for i, id := range ids {
		if _, err := k.CurrentClient(k.ctx(), id); began[i] && err != nil {
			k.Errorf("client %s, with which somebody signed in: %v", id, err)
		}
		if i%4 == 0 {
			_, err := k.CurrentClient(k.ctx(), id)
			k.refused("a client that nobody used", err, storage.ErrNotFound)
		}
	}
}

// signIn finishes a sign-in that was started and redeems its code.
func (k *kit) signIn(id string, now time.Time) error {
	if _, err := k.FinishAuthorization(k.ctx(), completion(id, alice, now), now); err != nil {
		return err
	}
	f := family{client: id, grant: "grt_" + id, code: "code " + id}
	_, err := k.ExchangeCode(k.ctx(), f.exchange(now), now)
	return err
}

func deleteUnusedOnce(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("one")))
	var total int64
	var mu sync.Mutex
	errs := race(racers, func(int) error {
		n, err := k.DeleteUnusedClients(k.ctx(), []string{"one"}, start, start)
		mu.Lock()
		defer mu.Unlock()
		total += n
		return err
	})
	k.ok(errors.Join(errs...))
	if total != 1 {
		k.Errorf("deleted %d times, want once", total)
	}
	k.happened(storage.EventClientRegistered, storage.EventClientDeleted)
}

// operatorErrors calls each method of an operator once and returns the errors.
func (k *kit) operatorErrors(ctx context.Context, user string) map[string]error {
	errs := map[string]error{"EnableUser": k.EnableUser(ctx, user, start)}
	_, errs["ClientSummary"] = k.ClientSummary(ctx, "client", start)
	_, errs["ListUnusedClients"] = k.ListUnusedClients(ctx, start, "", 10, start)
	_, errs["DeleteUnusedClients"] = k.DeleteUnusedClients(ctx, []string{"client"}, start, start)
	_, errs["FindGrants"] = k.FindGrants(ctx, storage.GrantFilter{}, "", 10, start)
	_, errs["RevokeGrants"] = k.RevokeGrants(ctx, storage.GrantFilter{UserID: user}, 10, start)
	_, errs["ListUsers"] = k.ListUsers(ctx, storage.UserFilter{}, "", 10, start)
	_, errs["DisableUser"] = k.DisableUser(ctx, user, start)
	return errs
}
