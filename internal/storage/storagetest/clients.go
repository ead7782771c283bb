package storagetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
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
	{"UpdateClient/names fields", updateClientNamesFields},
	{"UpdateClient/changed or unknown", updateClientChanged},
	{"UpdateClient/race", updateClientRace},
	{"UpdateClient/does not bring back", updateClientDeleted},
	{"DeleteClient/unknown", deleteClientUnknown},
	{"DeleteClient/revokes", deleteClientRevokes},
}

// client is a client with every field set.
func client(id string) storage.Client {
	return storage.Client{
		ID: id, SecretHash: storage.HashOf("secret of " + id), RegistrationTokenHash: storage.HashOf("token of " + id),
		CreatedAt: start, Origin: storage.OriginOperator,
		Client: metadata.Client{
			Name: "Client " + id,
			URI:  "https://client.example/about",
			// Spellings that a careless parser would change.
			RedirectURIs: []string{
				"https://Client.example:443/cb?x=%41", "https://client.example", "http://127.0.0.1/callback",
				"cursor://anysphere.cursor-mcp/oauth",
			},
			GrantTypes:      []string{"authorization_code", "refresh_token"},
			ResponseTypes:   []string{"code"},
			Scope:           fullScope,
			AuthMethod:      "client_secret_basic",
			JWKS:            `{"keys":[{"kty":"EC"}]}`,
			JWKSURI:         "https://client.example/jwks",
			SigningAlg:      "ES256",
			ApplicationType: "native",
			SoftwareID:      "software",
			SoftwareVersion: "1.2.3",
		},
	}
}

func (s *suite) sameClient(want storage.Client) {
	s.Helper()
	for _, find := range []func(context.Context, string) (storage.Client, error){s.Client, s.CurrentClient, s.Client} {
		got, err := find(s.ctx(), want.ID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			s.Errorf("client: %v (-want +got):\n%s", err, diff)
		}
	}
}

func clientEveryField(s *suite) {
	want := client("full")
	want.AuthMethods = []string{"client_secret_basic", "none"}
	if missing := metadata.Changed(metadata.Client{}, want.Client); !slices.Equal(missing, metadata.Names()) {
		s.Fatalf("only %v have values", missing)
	}
	s.ok(s.CreateClient(s.ctx(), want))
	s.sameClient(want)
}

func clientMinimal(s *suite) {
	want := storage.Client{
		ID: "minimal", CreatedAt: start,
		Client: metadata.Client{
			RedirectURIs:  []string{redirectURI},
			GrantTypes:    []string{"authorization_code"},
			ResponseTypes: []string{"code"},
			AuthMethod:    "none",
		},
	}
	s.ok(s.CreateClient(s.ctx(), want))
	s.sameClient(want)
}

func clientAnyID(s *suite) {
	ids := []string{"https://client.example/metadata.json", "a'b\"c", "%", "mcp-oauth-proxy-clients:x", "ключ", "A", "a"}
	for _, id := range ids {
		s.ok(s.CreateClient(s.ctx(), client(id)))
	}
	for _, id := range ids {
		s.sameClient(client(id))
	}
}

func clientUnknown(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("known")))
	for _, id := range []string{"", "unknown", "know", "known ", "KNOWN", "mcp-oauth-proxy-clients:known", "%"} {
		_, err := s.Client(s.ctx(), id)
		s.refused(fmt.Sprintf("client %q", id), err, storage.ErrNotFound)
		_, err = s.CurrentClient(s.ctx(), id)
		s.refused(fmt.Sprintf("client %q, current", id), err, storage.ErrNotFound)
	}
}

func createClientExists(s *suite) {
	first, second := client("taken"), client("taken")
	second.Name = "Impostor"
	s.ok(s.CreateClient(s.ctx(), first))
	s.refused("second", s.CreateClient(s.ctx(), second), storage.ErrExists)
	s.sameClient(first)
}

func createClientRace(s *suite) {
	s.oneWins(race(racers, func(int) error { return s.CreateClient(s.ctx(), client("raced")) }), storage.ErrExists)
	s.sameClient(client("raced"))
}

func listClientsPages(s *suite) {
	var want []string
	for i := range 5 {
		id := fmt.Sprintf("client-%d", i)
		want = append(want, id)
		s.ok(s.CreateClient(s.ctx(), client(id)))
	}
	var got []string
	var from string
	for {
		page, err := s.ListClients(s.ctx(), from, 2, start)
		s.ok(err)
		if len(page) == 0 {
			break
		}
		if len(page) > 2 {
			s.Fatalf("a page of %d, want at most 2", len(page))
		}
		for _, summary := range page {
			if diff := cmp.Diff(storage.ClientSummary{Client: client(summary.Client.ID)}, summary); diff != "" {
				s.Errorf("summary (-want +got):\n%s", diff)
			}
			from = summary.Client.ID
			got = append(got, from)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("ids (-want +got):\n%s", diff)
	}
}

func listClientsGrants(s *suite) {
	for _, id := range []string{"one", "two"} {
		s.ok(s.CreateClient(s.ctx(), client(id)))
	}
	s.connect("a", "one", alice, start)
	s.connect("b", "one", bob, start)
	revoked := s.connect("c", "one", bob, start)
	s.ok(s.RevokeGrant(s.ctx(), revoked.grant, start))
	s.approve("d", "one", alice, start) // its code was not redeemed
	list, err := s.ListClients(s.ctx(), "", 10, start)
	s.ok(err)
	want := []storage.ClientSummary{{Client: client("one"), LastUsedAt: start, Grants: 2}, {Client: client("two")}}
	if diff := cmp.Diff(want, list); diff != "" {
		s.Errorf("list (-want +got):\n%s", diff)
	}
}

func deleteClientUnknown(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("known")))
	s.refused("unknown", s.DeleteClient(s.ctx(), "unknown", start), storage.ErrNotFound)
	s.sameClient(client("known"))
	s.ok(s.DeleteClient(s.ctx(), "known", start))
	s.refused("twice", s.DeleteClient(s.ctx(), "known", start), storage.ErrNotFound)
}

func deleteClientRevokes(s *suite) {
	s.ok(s.CreateClient(s.ctx(), client("gone")))
	s.ok(s.CreateClient(s.ctx(), client("stays")))
	first, second := s.connect("a", "gone", alice, start), s.connect("b", "gone", bob, start)
	pending := s.approve("c", "gone", alice, start)
	other := s.connect("d", "stays", alice, start)
	s.ok(s.DeleteClient(s.ctx(), "gone", start))
	_, err := s.Client(s.ctx(), "gone")
	s.refused("deleted client", err, storage.ErrNotFound)
	s.dead(start, first, second)
	_, err = s.ExchangeCode(s.ctx(), pending.exchange(start), start)
	s.refused("code of the deleted client", err, storage.ErrNotFound)
	s.alive(start, other)
	s.sameClient(client("stays"))
}
