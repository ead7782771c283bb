package console_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const documentID = "https://client.example/oauth/client.json"

// keep stores what a client's site has published, or that it could not be had.
func (o *fixture) keep(id, name, body string) {
	o.Helper()
	o.ok(o.store.ClaimDocument(o.Context(), storage.DocumentClaim{
		ClientID: id, URL: id, Site: "client.example", Lease: "l", Until: start.Add(time.Minute),
		Limit: storage.FetchLimit{PerSite: 10, All: 10},
	}, start))
	if body == "" {
		o.ok(o.store.FailDocument(o.Context(), storage.FailedDocument{ClientID: id, URL: id, Lease: "l", Name: name, Failure: "no", RetryAt: start}))
		return
	}
	o.ok(o.store.SaveDocument(o.Context(), storage.FetchedDocument{
		ClientID: id, URL: id, Lease: "l", Name: name, Body: body, FreshUntil: start.Add(time.Hour),
	}, start))
}

// TestDocumentClients: clients that are known by a document are listed, shown and
// deleted like others.
func TestDocumentClients(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		o.keep(documentID, "Documented", fmt.Sprintf(
			`{"client_id":%q,"client_name":"Documented","redirect_uris":["http://localhost/callback"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://client.example/jwks"}`,
			documentID))
		o.keep("https://vendor.example/c", "Vendor", "")
		list := o.run(func(ctx context.Context) error { return o.console.ListClients(ctx, console.Listing{}) })
		for _, want := range []string{documentID, "Documented", "(see its document)", "https://vendor.example/c", "Vendor"} {
			if !strings.Contains(list, want) {
				t.Errorf("the list lacks %q:\n%s", want, list)
			}
		}
		for id, wants := range map[string][]string{
			documentID: {
				"Documented", "http://localhost/callback", "private_key_jwt", "https://client.example/jwks", "identified by its metadata document", "fetched",
			},
			"https://vendor.example/c": {"Vendor", "never fetched"},
		} {
			shown := o.run(func(ctx context.Context) error { return o.console.ShowClient(ctx, id) })
			for _, want := range wants {
				if !strings.Contains(shown, want) {
					t.Errorf("%s: it does not show %q:\n%s", id, want, shown)
				}
			}
		}
		o.console.JSON = true
		shown := o.run(func(ctx context.Context) error { return o.console.ShowClient(ctx, documentID) })
		for _, want := range []string{
			`"token_endpoint_auth_methods_supported":["private_key_jwt"]`, `"origin":"document"`, `"has_keys":true`, `"document_fetched_at":"2026-11-25T12:00:00Z"`, `"registered_at":null`,
		} {
			if !strings.Contains(shown, want) {
				t.Errorf("it lacks %s: %s", want, shown)
			}
		}
		o.run(func(ctx context.Context) error { return o.console.DeleteClient(ctx, documentID) })
		if len(o.asked) != 1 || !strings.Contains(o.asked[0], "MCPKEEP_CIMD_HOSTS") || strings.Contains(o.asked[0], "has to register") {
			t.Errorf("asked %q", o.asked)
		}
		if err := o.console.DeleteClient(t.Context(), documentID); err == nil {
			t.Error("deleted twice")
		}
	})
}

// TestCreateWithKeys: a client with a public key.
func TestCreateWithKeys(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	const set = `{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`
	client := console.NewClient{
		ID: "desk", Name: "Desk", RedirectURIs: []string{"https://desk.example/cb"}, AuthMethod: "private_key_jwt", JWKS: []byte(set),
	}
	out := o.run(func(ctx context.Context) error { return o.console.CreateClient(ctx, client) })
	if strings.Contains(out, "secret") {
		t.Errorf("printed %s", out)
	}
	row, err := o.store.Client(t.Context(), "desk")
	if err != nil || row.AuthMethod != "private_key_jwt" || row.SecretHash != "" || !strings.Contains(string(row.JWKS), `"kid":"k"`) {
		t.Errorf("%+v, %v", row, err)
	}
	for name, change := range map[string]func(*console.NewClient){
		"no keys":             func(n *console.NewClient) { n.JWKS = nil },
		"not JSON":            func(n *console.NewClient) { n.JWKS = []byte("-----BEGIN PUBLIC KEY-----") },
		"private key":         func(n *console.NewClient) { n.JWKS = []byte(strings.Replace(set, `"x"`, `"d":"AA","x"`, 1)) },
		"both":                func(n *console.NewClient) { n.JWKSURI = "https://desk.example/jwks" },
		"keys without TLS":    func(n *console.NewClient) { n.JWKS, n.JWKSURI = nil, "http://desk.example/jwks" },
		"keys for no purpose": func(n *console.NewClient) { n.AuthMethod = "none" },
	} {
		n := client
		n.ID = ""
		change(&n)
		if err := o.console.CreateClient(t.Context(), n); err == nil || !strings.Contains(err.Error(), console.ErrBadClient.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
