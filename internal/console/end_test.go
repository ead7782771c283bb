package console_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

func (o *fixture) revoke(s console.Selection) func(ctx context.Context) error {
	return func(ctx context.Context) error { return o.console.RevokeGrants(ctx, s) }
}

// TestRevoke: one grant, those of a user, of a client, of both; what is asked says how
// many, and without a yes nothing ends.
func TestRevoke(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		furnish(o)
		o.connect("4", "c_desk", alice)
		o.answer = errNo
		o.fails("no", o.revoke(console.Selection{ID: "gr_1"}))
		o.wasAsked("the connection of alice with client c_desk (\"Desk 助手\"), last used 2026-11-25 12:00:00Z")
		o.fails("no", o.revoke(console.Selection{User: "alice"}))
		o.wasAsked("ends 3 connections of alice")
		o.fails("no", o.revoke(console.Selection{Client: "c_desk"}))
		o.wasAsked("ends 3 connections with client c_desk")
		o.wantGrants("gr_1 gr_2 gr_3 gr_4")
		o.answer = nil
		o.contains(o.run(o.revoke(console.Selection{ID: "gr_1"})), "ended the connection of alice")
		o.fails(`grant "gr_1" is not active`, o.revoke(console.Selection{ID: "gr_1"}))
		o.wantGrants("gr_2 gr_3 gr_4")
		o.contains(o.run(o.revoke(console.Selection{User: "alice", Client: "c_desk"})), "ended 1 connection\n")
		o.wantGrants("gr_2 gr_3")
		o.contains(o.run(o.revoke(console.Selection{Client: "c_desk"})), "ended 1 connection\n")
		o.wantGrants("gr_2")
		o.console.JSON = true
		o.contains(o.run(o.revoke(console.Selection{User: "alice"})), `{"grants_revoked":1}`)
		o.wantGrants("")
		events, err := o.store.NewestEvents(t.Context(), storage.EventFilter{Type: storage.EventGrantRevoked}, 10)
		o.ok(err)
		for _, event := range events {
			if event.Actor != storage.ActorOperator {
				t.Errorf("by %s", event.Actor)
			}
		}
		if len(events) != 4 {
			t.Errorf("%d events", len(events))
		}
	})
}

// TestRevokeMany: more grants than one page.
func TestRevokeMany(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	for i := range 501 {
		o.connect(fmt.Sprint(i), "c_desk", bob)
	}
	o.contains(o.run(o.revoke(console.Selection{Client: "c_desk"})), "ended 501 connections")
	o.wantGrants("")
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	furnish(o)
	remove := func(ctx context.Context) error { return o.console.DeleteClient(ctx, "c_desk") }
	o.answer = errNo
	o.fails("no", remove)
	o.wasAsked(`deletes client c_desk ("Desk 助手") and ends 2 connections`)
	o.wantGrants("gr_1 gr_2 gr_3")
	o.answer = nil
	o.contains(o.run(remove), "deleted client c_desk", "2 connections ended")
	o.wantGrants("gr_2")
	o.fails(`client "c_desk" is not registered`, remove)
	o.asking = func() { o.ok(o.store.DeleteClient(t.Context(), "c_idle", start)) }
	o.fails("has already been deleted", func(ctx context.Context) error { return o.console.DeleteClient(ctx, "c_idle") })
}

// TestPrune: unused clients are deleted. Used and new ones stay, those registered by an
// administrator or another program too, and one that comes into use during the prompt.
func TestPrune(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		old := start.Add(-48 * time.Hour)
		for _, id := range []string{"c_a", "c_b", "c_meanwhile", "c_used"} {
			o.register(id, id, old)
		}
		o.register("c_young", "", start)
		o.ok(o.store.CreateClient(t.Context(), storage.Client{ID: "c_operators", CreatedAt: old, Client: metadata.Client{AuthMethod: "none"}}))
		o.connect("1", "c_used", alice)
		prune := func(p console.Pruning) func(ctx context.Context) error {
			p.UnusedFor = 24 * time.Hour
			return func(ctx context.Context) error { return o.console.PruneClients(ctx, p) }
		}
		o.contains(o.run(prune(console.Pruning{DryRun: true})), "3 clients registered before", "2026-11-24 12:00:00Z", "would be deleted",
			"(1 registered by an administrator or another program are kept; --all includes them)")
		o.answer = errNo
		o.fails("no", prune(console.Pruning{}))
		o.wasAsked("deletes 3 clients")
		if got := o.clientIDs(); got != "[c_a c_b c_meanwhile c_operators c_used c_young]" {
			t.Errorf("clients %s", got)
		}
		o.answer, o.asking = nil, func() { o.connect("2", "c_meanwhile", bob) }
		o.contains(o.run(prune(console.Pruning{})), "deleted 2 clients")
		if got := o.clientIDs(); got != "[c_meanwhile c_operators c_used c_young]" {
			t.Errorf("clients %s", got)
		}
		o.wantGrants("gr_1 gr_2")
		o.asking = nil
		o.contains(o.run(prune(console.Pruning{})), "no unused client is that old")
		o.console.JSON = true
		o.contains(o.run(prune(console.Pruning{All: true})), `{"unused":1,"kept":0,"deleted":1,"skipped":0,"dry_run":false}`)
		if got := o.clientIDs(); got != "[c_meanwhile c_used c_young]" {
			t.Errorf("clients %s", got)
		}
	})
}

// usedWhileDeleting is a store whose clients come into use between the last
// look at them and their deletion.
type usedWhileDeleting struct {
	console.Store
	use func(ids []string)
}

func (s usedWhileDeleting) DeleteUnusedClients(ctx context.Context, ids []string, registered, now time.Time) (int64, error) {
	s.use(ids)
	return s.Store.DeleteUnusedClients(ctx, ids, registered, now)
}

// TestPruneRace: the very DELETE decides.
func TestPruneRace(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	for i := range 1203 {
		o.register(fmt.Sprintf("c_%04d", i), "", start.Add(-48*time.Hour))
	}
	var used int
	o.console.Store = usedWhileDeleting{o.store, func(ids []string) {
		if len(ids) > 0 {
			used++
			o.connect(ids[0], ids[0], bob)
		}
	}}
	var told []string
	o.console.Progress = func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	got := o.run(func(ctx context.Context) error {
		return o.console.PruneClients(ctx, console.Pruning{UnusedFor: 24 * time.Hour})
	})
	o.contains(got, "deleted 1200 clients; 3 came into use or were deleted in the meantime and were skipped")
	if got := o.clientIDs(); used != 3 || got != "[c_0000 c_0500 c_1000]" {
		t.Errorf("%d used, clients %s", used, got)
	}
	o.contains(strings.Join(told, "\n"), "counting: 500 unused clients so far", "deleting: 998 of 1203 clients")
}

// broken takes nothing, like a full disk.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestCreateUnseen: if the secret cannot be printed, the error names the client, so that
// it can be deleted.
func TestCreateUnseen(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	o.console.Out = broken{}
	o.fails("client desk was registered, but its secret could not be printed", func(ctx context.Context) error {
		return o.console.CreateClient(ctx, console.NewClient{
			ID: "desk", Name: "Desk", RedirectURIs: []string{"https://desk.example/cb"}, AuthMethod: "client_secret_post",
		})
	})
	if got := o.clientIDs(); got != "[desk]" {
		t.Error(got)
	}
}

// TestCreate: by the rules of registration; the secret is printed once and works.
func TestCreate(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	create := func(n console.NewClient) func(ctx context.Context) error {
		return func(ctx context.Context) error { return o.console.CreateClient(ctx, n) }
	}
	good := console.NewClient{Name: "Desk", RedirectURIs: []string{"https://desk.example/cb", "http://127.0.0.1/cb"}, AuthMethod: "client_secret_basic", ID: "desk"}
	got := o.run(create(good))
	secret := strings.Fields(got)[5]
	client, err := o.store.Client(t.Context(), "desk")
	o.ok(err)
	if client.SecretHash != storage.HashOf(secret) || client.AuthMethod != "client_secret_basic" || len(client.RedirectURIs) != 2 || client.Name != "Desk" || client.Origin != storage.OriginOperator {
		t.Errorf("%s is not the secret of %+v", secret, client)
	}
	if list, err := o.store.ListUnusedClients(t.Context(), start, "", 9, start); err != nil || len(list) != 1 || list[0].Reclaimable {
		t.Errorf("an administrator's client may be reclaimed: %+v, %v", list, err)
	}
	o.contains(o.run(func(ctx context.Context) error { return o.console.ShowClient(ctx, "desk") }), "by an administrator")
	o.fails("already registered", create(good))
	o.console.JSON = true
	public := console.NewClient{Name: "Public", RedirectURIs: []string{"http://127.0.0.1/cb"}, AuthMethod: "none"}
	if got := o.run(create(public)); strings.Contains(got, "client_secret\"") || !strings.Contains(got, `"client_id":"c_`) {
		t.Error(got)
	}
	public.AuthMethod = "client_secret_post"
	o.contains(o.run(create(public)), `"client_secret":"mks_`)
	for want, change := range map[string]func(*console.NewClient){
		"http is allowed for":    func(n *console.NewClient) { n.RedirectURIs = []string{"http://desk.example/cb"} },
		"at least one redirect":  func(n *console.NewClient) { n.RedirectURIs = nil },
		"a URL":                  func(n *console.NewClient) { n.ID = "https://desk.example/client.json" },
		"visible ASCII":          func(n *console.NewClient) { n.ID = "de sk" },
		"at most 200 characters": func(n *console.NewClient) { n.ID = strings.Repeat("x", 201) },
	} {
		bad := public
		change(&bad)
		o.fails(want, create(bad))
	}
}
