package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// carol was never let in.
var carol = storage.Person{
	Issuer: "https://github.com", Subject: "1003", Login: "carol", Name: "Carol\x1b[2J", Email: "carol@example.com", Groups: []string{"sales"},
}

// refuse records a refused sign-in, some minutes after the start.
func (o *fixture) refuse(who storage.Person, minutes int) {
	o.Helper()
	o.ok(o.store.RecordEvent(o.Context(), storage.Event{
		Type: storage.EventSignInRefused, ClientID: "c_desk", Detail: fmt.Sprint("refusal ", minutes), Account: storage.AccountOf(who),
	}, start.Add(time.Duration(minutes)*time.Minute)))
}

// TestRefusedAccounts: an operator sees who was refused, with the keys only.
func TestRefusedAccounts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		o.refuse(carol, 1)
		all := o.events(console.Watch{})
		o.contains(o.run(all), `account="carol, Carol[2J, carol@example.com (1003 at https://github.com)"  client=c_desk`)
		o.console.JSON = true
		var list []struct {
			Account *struct {
				Subject    string   `json:"subject"`
				Login      string   `json:"login"`
				Groups     []string `json:"groups"`
				Unreadable bool     `json:"unreadable"`
			} `json:"account"`
		}
		if err := json.Unmarshal([]byte(o.run(all)), &list); err != nil || len(list) != 2 {
			t.Fatalf("%v, %v", list, err)
		}
		if a := list[1].Account; list[0].Account != nil || a == nil || a.Login != "carol" || a.Subject != "1003" || a.Unreadable || fmt.Sprint(a.Groups) != "[sales]" {
			t.Errorf("%+v, %+v", list[0].Account, a)
		}
		o.console.JSON = false
		o.console.Store = repo.New(dbtest.Open(t, o.url), new(keyring.Keyring))
		o.contains(o.run(all), "account=(encrypted)")
		o.console.Store = o.store
		dbtest.Exec(t, dbtest.SQL(t, o.url), "UPDATE mcpkeep_refused_accounts SET account = 'gAAAA'")
		o.contains(o.run(all), `account="(cannot be decrypted)"`)
		o.console.JSON = true
		o.contains(o.run(all), `"unreadable":true`)
	})
}

// TestRefusedByName: a name finds what was refused to accounts that are called so, among the
// events of a user and without one.
func TestRefusedByName(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		furnish(o)
		o.refuse(carol, 1)
		o.refuse(bob, 2)
		o.refuse(carol, 3)
		o.ok(o.store.RecordEvent(t.Context(), storage.Event{Type: storage.EventUserDisabled, UserID: o.user(bob), Detail: "later"}, start.Add(4*time.Minute)))
		o.ok(o.store.RecordEvent(t.Context(), storage.Event{
			Type: storage.EventSignInRefused, UserID: o.user(bob), Detail: "disabled", Account: storage.AccountOf(bob),
		}, start.Add(5*time.Minute)))
		for _, tt := range []struct {
			watch console.Watch
			want  string
		}{
			{console.Watch{User: "Carol"}, "refusal 1, refusal 3"},
			{console.Watch{User: "carol@example.com", Limit: 1}, "refusal 3"},
			{console.Watch{User: "https://github.com#1003", Limit: 9}, "refusal 1, refusal 3"},
			{console.Watch{User: "carol", Type: storage.EventSignInRefused}, "refusal 1, refusal 3"},
			{console.Watch{User: "bob", Type: storage.EventSignInRefused}, "refusal 2, disabled"},
			{console.Watch{User: "bob", Limit: 3}, "refusal 2, later, disabled"},
			{console.Watch{User: "bob", Type: storage.EventUserDisabled}, "later"},
			{console.Watch{User: o.user(bob), Type: storage.EventSignInRefused}, "disabled"},
			{console.Watch{User: "bob", Client: "c_desk", Type: storage.EventSignInRefused, Limit: 5}, "refusal 2"},
		} {
			if got := strings.Join(o.details(tt.watch), ", "); got != tt.want {
				t.Errorf("%+v: %s, want %s", tt.watch, got, tt.want)
			}
		}
		if got := o.details(console.Watch{User: "bob"}); len(got) != len(o.details(console.Watch{User: o.user(bob)}))+1 || got[len(got)-3] != "refusal 2" {
			t.Errorf("all of a user: %q", got)
		}
		o.fails("no user", o.events(console.Watch{User: "carol", Type: storage.EventUserDisabled}))
		o.fails("no user", o.events(console.Watch{User: "dave"}))
	})
}

// details lists the details of entries, in their order.
func (o *fixture) details(w console.Watch) (list []string) {
	o.Helper()
	o.console.JSON = true
	var events []struct {
		Detail string `json:"detail"`
	}
	if err := json.Unmarshal([]byte(o.run(o.events(w))), &events); err != nil {
		o.Fatal(err)
	}
	for _, e := range events {
		list = append(list, e.Detail)
	}
	return list
}

// TestFollowRefused: a name is followed, too.
func TestFollowRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		now := func(who storage.Person, detail string) {
			o.ok(o.store.RecordEvent(t.Context(), storage.Event{Type: storage.EventSignInRefused, Detail: detail, Account: storage.AccountOf(who)}, time.Now()))
		}
		now(carol, "first")
		out := &output{}
		o.console.Out, o.console.Now, o.console.JSON = out, nil, true
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- o.console.Events(ctx, console.Watch{User: "carol", Follow: true}) }()
		await := func(want ...string) {
			t.Helper()
			for deadline := time.Now().Add(10 * time.Second); len(out.details(t)) < len(want) && time.Now().Before(deadline); {
				time.Sleep(20 * time.Millisecond)
			}
			if got := fmt.Sprint(out.details(t)); got != fmt.Sprint(want) {
				t.Fatalf("shown %v, want %v", got, want)
			}
		}
		await("first")
		now(bob, "of another")
		now(carol, "second")
		await("first", "second")
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
