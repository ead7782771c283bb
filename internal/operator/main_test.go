package operator_test

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

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/operator"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// start is when the tests happen.
var start = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

var (
	alice = storage.Person{Issuer: "https://github.com", Subject: "1001", Login: "alice", Name: "Alice Example", Email: "alice@example.com"}
	bob   = storage.Person{Issuer: "https://github.com", Subject: "1002", Login: "bob"}
)

// office is a database and an operator at it.
type office struct {
	*testing.T
	store   *repo.Repo
	url     string
	console *operator.Console
	out     bytes.Buffer
	errs    bytes.Buffer
	asked   []string
	answer  error  // to what is asked
	asking  func() // happens while somebody thinks about the answer
}

func open(t *testing.T, e dbtest.Engine) *office {
	t.Helper()
	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	o := &office{T: t, url: e.URL(t)}
	o.store = repo.New(dbtest.Open(t, o.url), keys)
	o.ok(o.store.CheckKeys(t.Context(), start))
	o.console = &operator.Console{
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

func (o *office) ok(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// run runs one command and returns what it printed.
func (o *office) run(f func(ctx context.Context) error) string {
	o.Helper()
	o.out.Reset()
	o.ok(f(storage.WithActor(o.Context(), storage.Actor{Name: storage.ActorOperator})))
	return o.out.String()
}

// fails runs a command that must fail with a text.
func (o *office) fails(want string, f func(ctx context.Context) error) {
	o.Helper()
	o.out.Reset()
	err := f(o.Context())
	if err == nil || !strings.Contains(err.Error(), want) || o.out.Len() > 0 {
		o.Errorf("error %v, output %q; want an error with %q", err, o.out.String(), want)
	}
}

func (o *office) contains(text string, wants ...string) {
	o.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			o.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

// register registers a client as clients do by themselves.
func (o *office) register(id, name string, at time.Time) {
	o.Helper()
	o.ok(o.store.RegisterClient(o.Context(), storage.Client{
		ID: id, Name: name, RedirectURIs: []string{"http://127.0.0.1/cb"}, GrantTypes: []string{"authorization_code"},
		ResponseTypes: []string{"code"}, Scope: "mcp", AuthMethod: "none", CreatedAt: at,
	}, storage.Ceiling{}))
}

// connect signs somebody in and returns the grant's id and its tokens.
func (o *office) connect(id, client string, p storage.Person) storage.NewTokens {
	o.Helper()
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

// user is the id of a person.
func (o *office) user(p storage.Person) string {
	o.Helper()
	list, err := o.store.ListUsers(o.Context(), storage.UserFilter{Issuer: p.Issuer, Subject: p.Subject}, "", 1, start)
	if err != nil || len(list) != 1 {
		o.Fatalf("%v: %v", list, err)
	}
	return list[0].User.ID
}

// grants are the ids of all live grants.
func (o *office) grants() string {
	o.Helper()
	list, err := o.store.FindGrants(o.Context(), storage.GrantFilter{}, "", 1000, start)
	o.ok(err)
	var ids []string
	for _, g := range list {
		ids = append(ids, g.Grant.ID)
	}
	return strings.Join(ids, " ")
}

func (o *office) wantGrants(want string) {
	o.Helper()
	if got := o.grants(); got != want {
		o.Errorf("live grants %q, want %q", got, want)
	}
}

// wasAsked checks what was asked last.
func (o *office) wasAsked(wants ...string) {
	o.Helper()
	if len(o.asked) == 0 {
		o.Error("nothing was asked")
		return
	}
	o.contains(o.asked[len(o.asked)-1], wants...)
}

// clientIDs are the ids of all clients.
func (o *office) clientIDs() string {
	o.Helper()
	list, err := o.store.ListClients(o.Context(), "", 1000, start)
	o.ok(err)
	ids := make([]string, len(list))
	for i, s := range list {
		ids[i] = s.Client.ID
	}
	return fmt.Sprint(ids)
}
