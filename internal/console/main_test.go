package console_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// start is the time of the tests.
var start = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

var (
	alice = storage.Person{Issuer: "https://github.com", Subject: "1001", Login: "alice", Name: "Alice Example", Email: "alice@example.com"}
	bob   = storage.Person{Issuer: "https://github.com", Subject: "1002", Login: "bob"}
)

// fixture is a database and a console on it.
type fixture struct {
	*testing.T
	store    *repo.Repo
	url      string
	postgres bool
	console  *console.Console
	out      bytes.Buffer
	errs     bytes.Buffer
	asked    []string
	answer   error  // to the confirmation
	asking   func() // happens while the answer is pending
}

func open(t *testing.T, e dbtest.Engine) *fixture {
	t.Helper()
	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	o := &fixture{T: t, url: e.URL(t)}
	o.store = repo.New(dbtest.Open(t, o.url), keys)
	o.ok(o.store.CheckKeys(t.Context(), start))
	o.console = &console.Console{
		Store: o.store, Out: &o.out, Err: &o.errs, Now: func() time.Time { return start },
		Confirm: func(what string) error {
			o.asked = append(o.asked, what)
			if o.asking != nil {
				o.asking()
			}
			return o.answer
		},
	}
	return o
}

func (o *fixture) ok(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// run runs a command and returns its output.
func (o *fixture) run(f func(ctx context.Context) error) string {
	o.Helper()
	o.out.Reset()
	o.ok(f(storage.WithActor(o.Context(), storage.Actor{Name: storage.ActorOperator})))
	return o.out.String()
}

// fails runs a command that must fail with an error that contains want.
func (o *fixture) fails(want string, f func(ctx context.Context) error) {
	o.Helper()
	o.out.Reset()
	err := f(o.Context())
	if err == nil || !strings.Contains(err.Error(), want) || o.out.Len() > 0 {
		o.Errorf("error %v, output %q; want an error with %q", err, o.out.String(), want)
	}
}

func (o *fixture) contains(text string, wants ...string) {
	o.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			o.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

// register registers a client dynamically.
func (o *fixture) register(id, name string, at time.Time) {
	o.Helper()
	o.ok(o.store.RegisterClient(o.Context(), storage.Client{
		ID: id, CreatedAt: at,
		Client: metadata.Client{
			Name:          name,
			RedirectURIs:  []string{"http://127.0.0.1/cb"},
			GrantTypes:    []string{"authorization_code"},
			ResponseTypes: []string{"code"},
			Scope:         "mcp",
			AuthMethod:    "none",
		},
	}, storage.Ceiling{}))
}

// connect signs a user in and returns the tokens of the grant.
func (o *fixture) connect(id, client string, p storage.Person) storage.NewTokens {
	o.Helper()
	// A client that the test has not registered is there only while the user approves.
	const there = `{"lost": true}`
	conn := dbtest.SQL(o, o.url)
	dbtest.Exec(o, conn, "INSERT INTO oauth_clients (key, value) VALUES ($1, '"+there+"') ON CONFLICT (key) DO NOTHING", fastmcp.ClientKey(client))
	defer dbtest.Exec(o, conn, "DELETE FROM oauth_clients WHERE CAST(value AS TEXT) = '"+there+"'")
	tokens, err := connect(o.Context(), o.store, id, client, p)
	o.ok(err)
	return tokens
}

func connect(ctx context.Context, s storage.Store, id, client string, p storage.Person) (storage.NewTokens, error) {
	sum := sha256.Sum256([]byte("verifier"))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	browser := storage.HashOf("browser " + id)
	tokens := storage.NewTokens{
		Access:  storage.NewToken{Value: "mka_" + rand.Text(), ExpiresAt: start.Add(time.Hour)},
		Refresh: storage.NewToken{Value: "mkr_" + rand.Text(), ExpiresAt: start.Add(24 * time.Hour)},
	}
	err := s.StartAuthorization(ctx, storage.Authorization{
		ID: id, Browser: browser, CreatedAt: start, ExpiresAt: start.Add(time.Minute),
		Request: storage.Request{
			ClientID: client, RedirectURI: "http://127.0.0.1/cb", Scope: "mcp", Resource: "https://keep.example/mcp", CodeChallenge: challenge,
		},
	})
	if err != nil {
		return tokens, err
	}
	_, finishErr := s.FinishAuthorization(ctx, storage.Completion{
		AuthorizationID: id, Browser: browser, Person: p, GrantID: "gr_" + id, Code: storage.HashOf("code " + id),
		CodeExpiresAt: start.Add(time.Minute),
	}, start)
	_, exchangeErr := s.ExchangeCode(ctx, storage.CodeExchange{
		Code: storage.HashOf("code " + id), ClientID: client, Challenge: challenge, Next: tokens,
	}, start)
	return tokens, errors.Join(finishErr, exchangeErr)
}

// user returns the id of a user.
func (o *fixture) user(p storage.Person) string {
	o.Helper()
	list, err := o.store.ListUsers(o.Context(), storage.UserFilter{Issuer: p.Issuer, Subject: p.Subject}, "", 1, start)
	if err != nil || len(list) != 1 {
		o.Fatalf("%v: %v", list, err)
	}
	return list[0].User.ID
}

// grants returns the ids of all active grants.
func (o *fixture) grants() string {
	o.Helper()
	list, err := o.store.FindGrants(o.Context(), storage.GrantFilter{}, "", 1000, start)
	o.ok(err)
	var ids []string
	for _, g := range list {
		ids = append(ids, g.Grant.ID)
	}
	return strings.Join(ids, " ")
}

func (o *fixture) wantGrants(want string) {
	o.Helper()
	if got := o.grants(); got != want {
		o.Errorf("active grants %q, want %q", got, want)
	}
}

// wasAsked checks the last confirmation.
func (o *fixture) wasAsked(wants ...string) {
	o.Helper()
	if len(o.asked) == 0 {
		o.Error("no confirmation was requested")
		return
	}
	o.contains(o.asked[len(o.asked)-1], wants...)
}

// clientIDs returns the ids of all clients.
func (o *fixture) clientIDs() string {
	o.Helper()
	list, err := o.store.ListClients(o.Context(), "", 1000, start)
	o.ok(err)
	ids := make([]string, len(list))
	for i, s := range list {
		ids[i] = s.Client.ID
	}
	return fmt.Sprint(ids)
}
