package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// attack is a change to a good session, or to what of it is presented.
type attack struct {
	change   func(w *takeover, s *fastmcptest.Session)
	access   bool // the access token is refused
	refresh  bool // the refresh token is refused
	stranger bool // anyone can make this up or keep it, so it has an event of its own that is limited
	early    bool // a refresh is refused before anyone looks at its token, as a stranger's
}

// drop deletes a row.
func (w *takeover) drop(collection, key string) {
	w.Helper()
	from, args := w.where(collection, key)
	if _, err := w.sql.ExecContext(w.Context(), "DELETE FROM "+from, args...); err != nil {
		w.Fatal(err)
	}
}

// row puts a row of a collection.
func (w *takeover) row(collection, key string, row map[string]any) {
	w.Helper()
	w.put(fastmcp.RowKey(collection, key), w.python.Row(w, row))
}

func (w *takeover) claims(s *fastmcptest.Session, jti string, refresh bool) map[string]any {
	claims := w.python.Claims(s.ClientID, jti, w.clock.Now(), w.clock.Now().Add(time.Hour))
	if refresh {
		claims["token_use"] = "refresh"
	}
	return claims
}

// reissue signs both tokens again with a claim changed.
func (w *takeover) reissue(s *fastmcptest.Session, name string, value any) {
	w.Helper()
	for _, refresh := range []bool{false, true} {
		jti := map[bool]string{false: s.AccessID, true: s.RefreshID}[refresh]
		claims := w.claims(s, jti, refresh)
		claims[name] = value
		token := w.python.Token(w, claims)
		w.replace(s, token, refresh)
	}
}

// replace presents another token, of which FastMCP has the row that it needs.
func (w *takeover) replace(s *fastmcptest.Session, token string, refresh bool) {
	w.Helper()
	if !refresh {
		s.Access = token
		return
	}
	s.Refresh = token
	w.row(fastmcp.RefreshCollection, fastmcptest.HashKey(token), map[string]any{
		"client_id": s.ClientID, "scopes": []string{}, "expires_at": nil, "created_at": 1750000000.5,
	})
}

// resign signs both tokens again with FastMCP's key, under the name of an algorithm.
func (w *takeover) resign(s *fastmcptest.Session, alg string, sum func() hash.Hash) {
	w.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	for _, refresh := range []bool{false, true} {
		payload := strings.Split(map[bool]string{false: s.Access, true: s.Refresh}[refresh], ".")[1]
		text, signature := encode([]byte(`{"alg":"`+alg+`","typ":"JWT"}`))+"."+payload, []byte{}
		if sum != nil {
			mac := hmac.New(sum, []byte(w.python.SigningText))
			_, _ = mac.Write([]byte(text)) // never fails
			signature = mac.Sum(nil)
		}
		w.replace(s, text+"."+encode(signature), refresh)
	}
}

var attacks = map[string]attack{
	"forged": {access: true, refresh: true, stranger: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.python.SigningText = strings.Repeat("x", 44)
		w.reissue(s, "scope", "")
	}},
	"alg none": {access: true, refresh: true, stranger: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.resign(s, "none", nil)
	}},
	"alg HS512 with the key": {access: true, refresh: true, stranger: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.resign(s, "HS512", sha512.New)
	}},
	"alg RS256 with the key": {access: true, refresh: true, stranger: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.resign(s, "RS256", sha256.New)
	}},
	"expired": {access: true, refresh: true, stranger: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.reissue(s, "exp", w.clock.Now().Unix())
	}},
	"another server's iss": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.reissue(s, "iss", "https://other.example.com/")
	}},
	"another server's aud": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.reissue(s, "aud", "https://other.example.com/mcp")
	}},
	"another client in the token": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.putClient("other-client", w.seal, nil)
		w.reissue(s, "client_id", "other-client")
	}},
	"a client that is not registered": {access: true, refresh: true, early: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.drop(fastmcp.ClientCollection, s.ClientID)
	}},
	"the one used as the other": {access: true, refresh: true, change: func(_ *takeover, s *fastmcptest.Session) {
		s.Access, s.Refresh = s.Refresh, s.Access
	}},
	"revoked there": {refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.drop(fastmcp.RefreshCollection, fastmcptest.HashKey(s.Refresh))
	}},
	"rotated there": {refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.drop(fastmcp.RefreshCollection, fastmcptest.HashKey(s.Refresh))
		w.drop(fastmcp.MappingCollection, s.RefreshID)
	}},
	"no mapping": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.drop(fastmcp.MappingCollection, s.AccessID)
		w.drop(fastmcp.MappingCollection, s.RefreshID)
	}},
	"no session": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.drop(fastmcp.SessionCollection, s.ID)
	}},
	"an expired refresh row that is still there": {refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.row(fastmcp.RefreshCollection, fastmcptest.HashKey(s.Refresh), map[string]any{
			"client_id": s.ClientID, "scopes": []string{}, "expires_at": w.clock.Now().Unix(), "created_at": 1750000000.5,
		})
	}},
	"another client's refresh row": {refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.row(fastmcp.RefreshCollection, fastmcptest.HashKey(s.Refresh), map[string]any{
			"client_id": "other-client", "scopes": []string{}, "expires_at": nil, "created_at": 1750000000.5,
		})
	}},
	"a mapping to another client's session": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		other := w.store4(w.python.SignIn(w, "other-client", w.upstream("octocat"), w.clock.Now()))
		for _, jti := range []string{s.AccessID, s.RefreshID} {
			w.row(fastmcp.MappingCollection, jti, fastmcptest.Mapping(jti, other.ID, w.clock.Now()))
		}
	}},
	"swapped mappings": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		other := w.signIn("octocat")
		for _, jti := range []string{s.AccessID, s.RefreshID} {
			w.put(fastmcp.RowKey(fastmcp.MappingCollection, jti), other.Rows[fastmcp.RowKey(fastmcp.MappingCollection, other.AccessID)])
		}
	}},
	"swapped sessions": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		other := w.signIn("octocat")
		w.put(fastmcp.RowKey(fastmcp.SessionCollection, s.ID), other.Rows[fastmcp.RowKey(fastmcp.SessionCollection, other.ID)])
	}},
	"a session sealed with another key": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		python := w.python
		python.Cipher, _ = keyring.Parse(keyring.Generate())
		w.put(fastmcp.RowKey(fastmcp.SessionCollection, s.ID), python.Row(w, fastmcptest.UpstreamSet(s.ID, s.ClientID, w.upstream("octocat"), w.clock.Now())))
	}},
	"a session with a member missing": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		row := fastmcptest.UpstreamSet(s.ID, s.ClientID, w.upstream("octocat"), w.clock.Now())
		delete(row, "expires_at")
		w.row(fastmcp.SessionCollection, s.ID, row)
	}},
	"a session with a member of another type": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		row := fastmcptest.UpstreamSet(s.ID, s.ClientID, w.upstream("octocat"), w.clock.Now())
		row["access_token"] = []string{"gho_1"}
		w.row(fastmcp.SessionCollection, s.ID, row)
	}},
	"a plain session": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.python.Cipher = nil
		w.row(fastmcp.SessionCollection, s.ID, fastmcptest.UpstreamSet(s.ID, s.ClientID, w.upstream("octocat"), w.clock.Now()))
	}},
	"plain mappings": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.python.Cipher = nil
		for _, jti := range []string{s.AccessID, s.RefreshID} {
			w.row(fastmcp.MappingCollection, jti, fastmcptest.Mapping(jti, s.ID, w.clock.Now()))
		}
	}},
	"a plain refresh row": {refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.python.Cipher = nil
		w.row(fastmcp.RefreshCollection, fastmcptest.HashKey(s.Refresh), map[string]any{
			"client_id": s.ClientID, "scopes": []string{}, "expires_at": nil, "created_at": 1750000000.5,
		})
	}},
	"no JSON": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.put(fastmcp.RowKey(fastmcp.SessionCollection, s.ID), json.RawMessage(`"text"`))
	}},
	"someone who is not on the list": {access: true, refresh: true, change: func(w *takeover, s *fastmcptest.Session) {
		w.row(fastmcp.SessionCollection, s.ID, fastmcptest.UpstreamSet(s.ID, s.ClientID, w.upstream("mallory"), w.clock.Now()))
	}},
	"revoked at GitHub": {access: true, refresh: true, change: func(w *takeover, _ *fastmcptest.Session) {
		w.gh.RevokeTokens("octocat")
	}},
}

// TestAdoptionRefuses: what is not a live session of FastMCP is refused as any bad token is,
// and the audit trail says so.
func TestAdoptionRefuses(t *testing.T) {
	t.Parallel()
	for name, a := range attacks {
		for what, refused := range map[string]bool{"access": a.access, "refresh": a.refresh} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				w := takeOver(t)
				w.gh.SetTokenLifetime(8 * time.Hour)
				s := w.signIn("octocat")
				a.change(w, &s)
				w.present(t, what, s, refused)
				if grants := w.grants(); refused && len(grants) > 0 {
					t.Errorf("there is a grant: %+v", grants)
				}
				want := map[storage.EventType]bool{storage.EventAdoptionRefused: false, storage.EventFastMCPTokenRefused: false}
				switch {
				case refused && (a.stranger || a.early && what == "refresh"):
					want[storage.EventFastMCPTokenRefused] = true
				case refused:
					want[storage.EventAdoptionRefused] = true
				}
				for typ, recorded := range want {
					if n := w.events(typ); recorded != (n > 0) {
						t.Errorf("%d events %s", n, typ)
					}
				}
			})
		}
	}
}

// present presents one of a session's tokens.
func (w *takeover) present(t *testing.T, what string, s fastmcptest.Session, refused bool) {
	t.Helper()
	if what == "access" {
		w.wantAccess(t, s.Access, !refused)
		return
	}
	a := w.client.refresh(s.Refresh)
	if !refused {
		tokensOf(t, a)
		return
	}
	if a.Status != http.StatusBadRequest && a.Status != http.StatusUnauthorized || a.member("error") != "invalid_grant" && a.member("error") != "invalid_client" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func (w *takeover) events(typ storage.EventType) int {
	w.Helper()
	list, err := w.store.ListEvents(w.Context(), storage.EventFilter{Type: typ}, "", 100)
	if err != nil {
		w.Fatal(err)
	}
	return len(list)
}

// TestAdoptionForAnotherClient: 7009-02. a refresh token is good for its own client only.
func TestAdoptionForAnotherClient(t *testing.T) {
	t.Parallel()
	w := takeOver(t)
	w.gh.SetTokenLifetime(8 * time.Hour)
	s := w.signIn("octocat")
	other := w.putClient("other-client", w.seal, nil)
	other.refresh(s.Refresh).want(t, http.StatusBadRequest, "invalid_grant")
	if n := w.events(storage.EventAdoptionRefused); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	for _, token := range []string{s.Refresh, s.Access} { // 7009-02
		other.revoke(token).want(t, http.StatusOK, "")
	}
	w.wantAccess(t, s.Access, true)
	tokensOf(t, w.client.refresh(s.Refresh))
}

// TestAdoptionWithoutGitHub: while GitHub is unreachable no user is signed out, and later the session
// is taken over.
func TestAdoptionWithoutGitHub(t *testing.T) {
	t.Parallel()
	for _, fault := range []githubtest.Fault{githubtest.ServiceUnavailable, githubtest.SecondaryRateLimit} {
		w := takeOver(t)
		w.gh.SetTokenLifetime(8 * time.Hour)
		s := w.signIn("octocat")
		w.gh.SetFault(fault)
		for range 2 {
			for _, a := range []answer{w.call(s.Access), w.client.refresh(s.Refresh)} {
				if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
					t.Errorf("got %d %s", a.Status, a.Body)
				}
			}
		}
		w.gh.SetFault(githubtest.Healthy)
		w.clock.advance(50 * time.Minute) // longer than any wait that GitHub may ask for, and less than the token lives
		w.wantAccess(t, s.Access, true)
		tokensOf(t, w.client.refresh(s.Refresh))
	}
}

// TestAdoptionOff: no token of FastMCP is looked at.
func TestAdoptionOff(t *testing.T) {
	t.Parallel()
	w := takeOver(t)
	s := w.signIn("octocat")
	w.config.FastMCP = nil
	w.serve()
	w.wantAccess(t, s.Access, false)
	if n := w.gh.Calls("/user"); n != 1 { // when octocat signed in
		t.Errorf("GitHub was asked %d times", n)
	}
}
