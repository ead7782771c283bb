package console_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var errNo = errors.New("no")

// TestNamesOfPeople: an id, issuer and subject, login and email address name a user;
// if several match, they are listed and none is picked.
func TestNamesOfPeople(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	furnish(o)
	other := storage.Person{Issuer: "https://login.example", Subject: "x", Login: "Alice"}
	o.connect("4", "c_desk", other)
	list := func(name string) func(ctx context.Context) error {
		return func(ctx context.Context) error { return o.console.ListGrants(ctx, console.Selection{User: name}) }
	}
	for _, name := range []string{o.user(bob), "bob", "BOB", "https://github.com#1002"} {
		if got := o.run(list(name)); !strings.Contains(got, "gr_3") || strings.Contains(got, "gr_1") || strings.Contains(got, "gr_4") {
			t.Errorf("%s: %s", name, got)
		}
	}
	o.contains(o.run(list("alice@example.com")), "gr_1", "gr_2")
	o.fails(`"alice" matches 2 users: pass an ID`, list("alice"))
	o.contains(o.errs.String(), o.user(alice), o.user(other), "https://login.example")
	for _, name := range []string{"carol", "usr_unknown", "https://github.com#9", "#", "1002", "%"} {
		o.fails("no user", list(name))
	}
	o.fails("empty", func(ctx context.Context) error { return o.console.DisableUser(ctx, "") })
	dbtest.Exec(t, dbtest.SQL(t, o.url), "UPDATE mcpkeep_users SET profile = 'gAAAA' WHERE subject = '1002'")
	o.fails("the names of 1 user cannot be decrypted", list("bob"))
	o.contains(o.run(list("https://github.com#1002")), "gr_3")
	o.contains(o.run(o.console.ListUsers), "(cannot be decrypted)")
}

// TestDisable: it describes the effect, does nothing without a yes, and reports what it
// did; a second time it reports that nothing changed.
func TestDisable(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		furnish(o)
		disable := func(ctx context.Context) error { return o.console.DisableUser(ctx, "alice") }
		enable := func(ctx context.Context) error { return o.console.EnableUser(ctx, "alice") }
		o.answer = errNo
		o.fails("no", disable)
		o.wasAsked("alice ("+o.user(alice)+", 1001 at https://github.com)", "2 connections will end immediately", "can no longer sign in")
		o.wantGrants("gr_1 gr_2 gr_3")
		o.answer = nil
		o.contains(o.run(disable), "disabled alice", "ended 2 connections")
		o.wantGrants("gr_3")
		o.contains(o.run(disable), "is already disabled, since 2026-11-25 12:00:00Z")
		o.contains(o.run(o.console.ListUsers), "disabled 2026-11-25 12:00:00Z")
		o.answer = errNo
		o.fails("no", enable)
		o.answer = nil
		o.contains(o.run(enable), "enabled alice")
		o.contains(o.run(enable), "is not disabled")
		if len(o.asked) != 4 {
			t.Errorf("asked %q", o.asked)
		}
		o.console.JSON = true
		o.contains(o.run(disable), `{"user_id":"`+o.user(alice)+`","disabled":true,"changed":true,"grants_revoked":0}`)
		o.contains(o.run(disable), `"changed":false`)
	})
}

// TestDisabledMeanwhile: another process is first.
func TestDisabledMeanwhile(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	furnish(o)
	id := o.user(alice)
	o.asking = func() { _, err := o.store.DisableUser(t.Context(), id, start); o.ok(err) }
	o.contains(o.run(func(ctx context.Context) error { return o.console.DisableUser(ctx, id) }), "already disabled")
	o.asking = func() { o.ok(o.store.EnableUser(t.Context(), id, start)) }
	o.contains(o.run(func(ctx context.Context) error { return o.console.EnableUser(ctx, id) }), "not disabled")
}
