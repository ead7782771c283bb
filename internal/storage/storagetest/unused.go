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

func clientSummary(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("used")))
	s.ok(s.CreateClient(s.ctx(), client("unused")))
	s.ok(s.RegisterClient(s.ctx(), client("registered"), storage.Ceiling{}))
	s.rotate(s.connect("a", "used", alice, after(time.Hour)), after(2*time.Hour))
	for id, want := range map[string]storage.ClientSummary{
		"used":   {Client: client("used"), LastUsedAt: after(time.Hour), Grants: 1},
		"unused": {Client: client("unused")},

		"registered": {Client: client("registered"), Reclaimable: true},
	} {
		got, err := s.ClientSummary(s.ctx(), id, after(2*time.Hour))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			s.Errorf("%s: %v (-want +got):\n%s", id, err, diff)
		}
	}
	_, err := s.ClientSummary(s.ctx(), "unknown", start)
	s.refused("unknown", err, storage.ErrNotFound)
	list, err := s.ListUnusedClients(s.ctx(), start, "", 10, start)
	s.ok(err)
	if len(list) != 2 || !list[0].Reclaimable || list[1].Reclaimable {
		s.Errorf("unused: %+v", list)
	}
}

// unused lists the ids of all unused clients, two at a time.
func (s *suite) unused(registered, now time.Time) []string {
	s.Helper()
	var ids []string
	var from string
	for {
		page, err := s.ListUnusedClients(s.ctx(), registered, from, 2, now)
		s.ok(err)
		if len(page) > 2 {
			s.Fatalf("a page of %d, want at most 2", len(page))
		}
		for _, summary := range page {
			if want := (storage.ClientSummary{Client: client(summary.Client.ID)}); !cmp.Equal(want.Client.RedirectURIs, summary.Client.RedirectURIs) || summary.Foreign || summary.Unreadable {
				s.Errorf("summary %+v", summary)
			}
			from = summary.Client.ID
			ids = append(ids, from)
		}
		if len(page) == 0 {
			return ids
		}
	}
}

// workshop makes clients in each state; those in the returned list are unused.
func (s *suite) workshop() []string {
	s.Helper()
	for _, id := range []string{"connected", "denied", "expired", "flight", "never", "pending", "revoked"} {
		s.ok(s.CreateClient(s.ctx(), client(id)))
	}
	young := client("young")
	young.CreatedAt = after(month - time.Hour + time.Second)
	s.ok(s.CreateClient(s.ctx(), young))
	now := after(month)
	s.ok(s.StartAuthorization(s.ctx(), authorization("flight", "flight", now)))
	s.ok(s.StartAuthorization(s.ctx(), authorization("expired", "expired", start)))
	denied := authorization("denied", "denied", now)
	s.ok(s.StartAuthorization(s.ctx(), denied))
	_, err := s.DenyAuthorization(s.ctx(), denied.ID, denied.Browser, now)
	s.ok(err)
	s.approve("pending", "pending", alice, now)
	s.connect("connected", "connected", alice, now)
	s.ok(s.RevokeGrant(s.ctx(), s.connect("revoked", "revoked", alice, now).grant, now))
	return []string{"denied", "expired", "never"}
}

func unusedDefinition(s *suite) {
	want := s.workshop()
	s.sameList("older than an hour", s.unused(after(month-time.Hour), after(month)), want...)
	s.sameList("of any age", s.unused(after(month), after(month)), append(want, "young")...)
	s.sameList("older than all", s.unused(start.Add(-time.Second), after(month)))
}

func unusedPages(s *suite) {
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("client-%d", i))
		s.ok(s.CreateClient(s.ctx(), client(want[i])))
	}
	s.sameList("all", s.unused(start, start), want...)
}

// What became used between the listing and the deletion stays.
func deleteUnusedGuard(s *suite) {
	unused := s.workshop()
	before := s.types()
	all := []string{"connected", "denied", "expired", "flight", "never", "pending", "revoked", "young", "unknown"}
	n, err := s.DeleteUnusedClients(s.ctx(), all, after(month-time.Hour), after(month))
	if n != int64(len(unused)) || err != nil {
		s.Errorf("deleted %d, %v, want %d", n, err, len(unused))
	}
	for _, id := range all[:len(all)-1] {
		var want error
		if slices.Contains(unused, id) {
			want = storage.ErrNotFound
		}
		_, err := s.CurrentClient(s.ctx(), id)
		s.refused(id, err, want)
	}
	s.happened(append(before, storage.EventClientDeleted, storage.EventClientDeleted, storage.EventClientDeleted)...)
}

// Clients that are old and unused are deleted while people sign in with them. A
// sign-in that has begun ends well; whatever was deleted was not in use.
func deleteUnusedRace(s *suite) {
	now := after(month)
	ids := make([]string, racers)
	for i := range ids {
		ids[i] = fmt.Sprintf("r%02d", i)
		s.ok(s.CreateClient(s.ctx(), client(ids[i])))
	}
	began := make([]bool, racers)
	var mu sync.Mutex
	errs := race(racers, func(i int) error {
		if i%4 == 0 {
			_, err := s.DeleteUnusedClients(s.ctx(), ids, start, now)
			return err
		}
		if err := s.StartAuthorization(s.ctx(), authorization(ids[i], ids[i], now)); err != nil {
			return err
		}
		_, err := s.CurrentClient(s.ctx(), ids[i]) // as the server does before it continues
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		mu.Lock()
		began[i] = err == nil
		mu.Unlock()
		return errors.Join(err, s.signIn(ids[i], now))
	})
	s.ok(errors.Join(errs...))
	for i, id := range ids {
		if _, err := s.CurrentClient(s.ctx(), id); began[i] && err != nil {
			s.Errorf("client %s, with which someone signed in: %v", id, err)
		}
		if i%4 == 0 {
			_, err := s.CurrentClient(s.ctx(), id)
			s.refused("a client that no one used", err, storage.ErrNotFound)
		}
	}
}

// signIn finishes a sign-in that was started and redeems its code.
func (s *suite) signIn(id string, now time.Time) error {
	if _, err := s.FinishAuthorization(s.ctx(), completion(id, alice, now), now); err != nil {
		return err
	}
	f := family{client: id, grant: "grt_" + id, code: "code " + id}
	_, err := s.ExchangeCode(s.ctx(), f.exchange(now), now)
	return err
}

func deleteUnusedOnce(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("one")))
	var total int64
	var mu sync.Mutex
	errs := race(racers, func(int) error {
		n, err := s.DeleteUnusedClients(s.ctx(), []string{"one"}, start, start)
		mu.Lock()
		defer mu.Unlock()
		total += n
		return err
	})
	s.ok(errors.Join(errs...))
	if total != 1 {
		s.Errorf("deleted %d times, want once", total)
	}
	s.happened(storage.EventClientRegistered, storage.EventClientDeleted)
}

// operatorErrors calls each method of an operator once and returns the errors.
func (s *suite) operatorErrors(ctx context.Context, user string) map[string]error {
	errs := map[string]error{"EnableUser": s.EnableUser(ctx, user, start)}
	_, errs["ClientSummary"] = s.ClientSummary(ctx, "client", start)
	_, errs["ListUnusedClients"] = s.ListUnusedClients(ctx, start, "", 10, start)
	_, errs["DeleteUnusedClients"] = s.DeleteUnusedClients(ctx, []string{"client"}, start, start)
	_, errs["FindGrants"] = s.FindGrants(ctx, storage.GrantFilter{}, "", 10, start)
	_, errs["RevokeGrants"] = s.RevokeGrants(ctx, storage.GrantFilter{UserID: user}, 10, start)
	_, errs["ListUsers"] = s.ListUsers(ctx, storage.UserFilter{}, "", 10, start)
	_, errs["DisableUser"] = s.DisableUser(ctx, user, start)
	return errs
}
