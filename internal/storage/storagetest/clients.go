package storagetest

import (
	"context"
	"fmt"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

var clientCases = []testCase{
	{"Client/every field", clientEveryField},
	{"Client/minimal", clientMinimal},
	{"Client/any id", clientAnyID},
	{"Client/unknown", clientUnknown},
	{"CreateClient/exists", createClientExists},
	{"CreateClient/race", createClientRace},
	{"ListClients/pages", listClientsPages},
	{"ListClients/grants", listClientsGrants},
	{"UpdateClient/replaces", updateClientReplaces},
	{"UpdateClient/changed or unknown", updateClientChanged},
	{"UpdateClient/race", updateClientRace},
	{"UpdateClient/does not bring back", updateClientDeleted},
	{"DeleteClient/unknown", deleteClientUnknown},
	{"DeleteClient/revokes", deleteClientRevokes},
}

// client is a client with every field set.
func client(id string) storage.Client {
	return storage.Client{
		ID: id, Name: "Client " + id, URI: "https://client.example/about",
		// Spellings that a careless parser would change.
		RedirectURIs: []string{
			"https://Client.example:443/cb?x=%41", "https://client.example", "http://127.0.0.1/callback",
			"cursor://anysphere.cursor-mcp/oauth",
		},
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
		Scope: fullScope, AuthMethod: "client_secret_basic", SecretHash: storage.HashOf("secret of " + id), RegistrationTokenHash: storage.HashOf("token of " + id),
		JWKS: `{"keys":[{"kty":"EC"}]}`, JWKSURI: "https://client.example/jwks", SigningAlg: "ES256",
		ApplicationType: "native", SoftwareID: "software", SoftwareVersion: "1.2.3", CreatedAt: start,
		Origin: storage.OriginOperator,
	}
}

func (k *kit) sameClient(want storage.Client) {
	k.Helper()
	for _, find := range []func(context.Context, string) (storage.Client, error){k.Client, k.CurrentClient, k.Client} {
		got, err := find(k.ctx(), want.ID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			k.Errorf("client: %v (-want +got):\n%s", err, diff)
		}
	}
}

func clientEveryField(k *kit) {
	want := client("full")
	k.ok(k.CreateClient(k.ctx(), want))
	k.sameClient(want)
}

func clientMinimal(k *kit) {
	want := storage.Client{
		ID: "minimal", RedirectURIs: []string{redirectURI}, GrantTypes: []string{"authorization_code"},
		ResponseTypes: []string{"code"}, AuthMethod: "none", CreatedAt: start,
	}
	k.ok(k.CreateClient(k.ctx(), want))
	k.sameClient(want)
}

func clientAnyID(k *kit) {
	ids := []string{"https://client.example/metadata.json", "a'b\"c", "%", "mcp-oauth-proxy-clients:x", "ключ", "A", "a"}
	for _, id := range ids {
		k.ok(k.CreateClient(k.ctx(), client(id)))
	}
	for _, id := range ids {
		k.sameClient(client(id))
	}
}

func clientUnknown(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("known")))
	for _, id := range []string{"", "unknown", "know", "known ", "KNOWN", "mcp-oauth-proxy-clients:known", "%"} {
		_, err := k.Client(k.ctx(), id)
		k.refused(fmt.Sprintf("client %q", id), err, storage.ErrNotFound)
		_, err = k.CurrentClient(k.ctx(), id)
		k.refused(fmt.Sprintf("client %q, current", id), err, storage.ErrNotFound)
	}
}

func createClientExists(k *kit) {
	first, second := client("taken"), client("taken")
	second.Name = "Impostor"
	k.ok(k.CreateClient(k.ctx(), first))
	k.refused("second", k.CreateClient(k.ctx(), second), storage.ErrExists)
	k.sameClient(first)
}

func createClientRace(k *kit) {
	k.oneWins(race(racers, func(int) error { return k.CreateClient(k.ctx(), client("raced")) }), storage.ErrExists)
	k.sameClient(client("raced"))
}

func listClientsPages(k *kit) {
	var want []string
	for i := range 5 {
		id := fmt.Sprintf("client-%d", i)
		want = append(want, id)
		k.ok(k.CreateClient(k.ctx(), client(id)))
	}
	var got []string
	var from string
	for {
		page, err := k.ListClients(k.ctx(), from, 2, start)
		k.ok(err)
		if len(page) == 0 {
			break
		}
		if len(page) > 2 {
			k.Fatalf("a page of %d, want at most 2", len(page))
		}
		for _, s := range page {
			if diff := cmp.Diff(storage.ClientSummary{Client: client(s.Client.ID)}, s); diff != "" {
				k.Errorf("summary (-want +got):\n%s", diff)
			}
			from = s.Client.ID
			got = append(got, from)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		k.Errorf("ids (-want +got):\n%s", diff)
	}
}

func listClientsGrants(k *kit) {
	for _, id := range []string{"one", "two"} {
		k.ok(k.CreateClient(k.ctx(), client(id)))
	}
	k.connect("a", "one", alice, start)
	k.connect("b", "one", bob, start)
	revoked := k.connect("c", "one", bob, start)
	k.ok(k.RevokeGrant(k.ctx(), revoked.grant, start))
	k.approve("d", "one", alice, start) // its code was not redeemed
	list, err := k.ListClients(k.ctx(), "", 10, start)
	k.ok(err)
	want := []storage.ClientSummary{{Client: client("one"), LastUsedAt: start, Grants: 2}, {Client: client("two")}}
	if diff := cmp.Diff(want, list); diff != "" {
		k.Errorf("list (-want +got):\n%s", diff)
	}
}

func deleteClientUnknown(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("known")))
	k.refused("unknown", k.DeleteClient(k.ctx(), "unknown", start), storage.ErrNotFound)
	k.sameClient(client("known"))
	k.ok(k.DeleteClient(k.ctx(), "known", start))
	k.refused("twice", k.DeleteClient(k.ctx(), "known", start), storage.ErrNotFound)
}

func deleteClientRevokes(k *kit) {
	k.ok(k.CreateClient(k.ctx(), client("gone")))
	k.ok(k.CreateClient(k.ctx(), client("stays")))
	first, second := k.connect("a", "gone", alice, start), k.connect("b", "gone", bob, start)
	pending := k.approve("c", "gone", alice, start)
	other := k.connect("d", "stays", alice, start)
	k.ok(k.DeleteClient(k.ctx(), "gone", start))
	_, err := k.Client(k.ctx(), "gone")
	k.refused("deleted client", err, storage.ErrNotFound)
	k.dead(start, first, second)
	_, err = k.ExchangeCode(k.ctx(), pending.exchange(start), start)
	k.refused("code of the deleted client", err, storage.ErrNotFound)
	k.alive(start, other)
	k.sameClient(client("stays"))
}
