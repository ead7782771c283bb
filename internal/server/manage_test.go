package server_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// managed sends a request to the client configuration endpoint of a client.
func (s *site) managed(method, id, token, body string) answer {
	s.Helper()
	h := header{"Content-Type": "application/json"}
	if token != "" {
		h["Authorization"] = "Bearer " + token
	}
	return s.do(method, "/register/"+id, body, h)
}

func (c *client) get() answer { return c.s.managed(http.MethodGet, c.id, c.manage, "") }

// put replaces the registration; a member that is nil is left out.
func (c *client) put(members map[string]any) answer {
	c.s.Helper()
	m := map[string]any{"client_id": c.id, "redirect_uris": []string{c.redirect}, "token_endpoint_auth_method": "none"}
	maps.Copy(m, members)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	body, err := json.Marshal(m)
	if err != nil {
		c.s.Fatal(err)
	}
	return c.s.managed(http.MethodPut, c.id, c.manage, string(body))
}

func membersOf(t testing.TB, a answer) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.Body), &m); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	return m
}

// payloads are the registration requests of real clients.
func payloads(t *testing.T) map[string]string {
	t.Helper()
	const suffix = ".request.json"
	files, err := filepath.Glob("../oauth/testdata/registration/*" + suffix)
	if err != nil || len(files) < 10 {
		t.Fatalf("%d payloads: %v", len(files), err)
	}
	bodies := map[string]string{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bodies[strings.TrimSuffix(filepath.Base(file), suffix)] = string(body)
	}
	return bodies
}

// TestManageRealClients: 7592-01, 7592-02. What each real client registers can be
// read back, and written back as it is.
func TestManageRealClients(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, body := range payloads(t) {
		t.Run(name, func(t *testing.T) {
			registered := membersOf(t, s.do(http.MethodPost, "/register", body, asJSON))
			token, _ := registered["registration_access_token"].(string)
			id, _ := registered["client_id"].(string)
			delete(registered, "client_secret") // not known any more
			delete(registered, "client_secret_expires_at")
			a := s.managed(http.MethodGet, id, token, "")
			if diff := cmp.Diff(registered, membersOf(t, a)); diff != "" || a.Status != http.StatusOK {
				t.Errorf("read: %d (-registered +read)\n%s", a.Status, diff)
			}
			next := maps.Clone(registered)
			for _, own := range []string{"registration_access_token", "registration_client_uri", "client_id_issued_at"} {
				delete(next, own)
			}
			again, err := json.Marshal(next)
			if err != nil {
				t.Fatal(err)
			}
			a = s.managed(http.MethodPut, id, token, string(again))
			if diff := cmp.Diff(registered, membersOf(t, a)); diff != "" || a.Status != http.StatusOK {
				t.Errorf("written: %d (-registered +written)\n%s", a.Status, diff)
			}
		})
	}
}

// TestUpdateClient: 7592-02, 7592-06, B1. What an update leaves out is gone; the
// new redirect URI works and the old one does not; tokens continue.
func TestUpdateClient(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register(map[string]any{"client_uri": "https://a.example", "software_id": "x"})
		got, old := c.connect(), c.redirect
		b := s.browser()
		consent := b.signIn(c)
		c.redirect = "https://new.example/cb"
		a := c.put(map[string]any{"scope": "mcp"})
		want := map[string]any{
			"client_id": c.id, "client_id_issued_at": float64(s.clock.Now().Unix()), "redirect_uris": []any{c.redirect},
			"grant_types": []any{"authorization_code"}, "response_types": []any{"code"}, "scope": "mcp",
			"token_endpoint_auth_method": "none", "registration_access_token": c.manage,
			"registration_client_uri": base + "/register/" + c.id,
		}
		if diff := cmp.Diff(want, membersOf(t, a)); diff != "" || a.Status != http.StatusOK {
			t.Errorf("%d (-want +got)\n%s", a.Status, diff)
		}
		if diff := cmp.Diff(want, membersOf(t, c.get())); diff != "" {
			t.Errorf("read (-want +got)\n%s", diff)
		}
		b.submit(consent, approve).shows(t, http.StatusBadRequest, "redirect URI does not match")
		s.browser().visit(c.authorizePath()).shows(t, http.StatusOK, "An app without a name")
		c.redirect = old
		s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_request")
		s.wantAccess(t, got.access, true)
		tokensOf(t, c.refresh(got.refresh))
		events, err := s.store.NewestEvents(t.Context(), storage.EventFilter{Type: storage.EventClientUpdated}, 2)
		if err != nil || len(events) != 1 || events[0].ClientID != c.id || events[0].Actor != storage.ActorClient {
			t.Errorf("events %+v, %v", events, err)
		}
	})
}

// TestUpdateSecrets: a secret stays, is never chosen by the client, and comes and
// goes with the method.
func TestUpdateSecrets(t *testing.T) {
	t.Parallel()
	s := start(t)
	post, none := map[string]any{"token_endpoint_auth_method": "client_secret_post"}, map[string]any{}
	c := s.register(post)
	works := func(works bool) {
		t.Helper()
		if a := c.refresh("unknown"); (a.Status == http.StatusBadRequest) != works {
			t.Errorf("the secret works: %t, want %t: %s", !works, works, a.Body)
		}
	}
	works(true)
	if a := c.put(post); a.Status != http.StatusOK || strings.Contains(a.Body, "secret\"") {
		t.Errorf("kept: %d %s", a.Status, a.Body)
	}
	works(true)
	a := c.put(map[string]any{"token_endpoint_auth_method": "client_secret_basic", "client_secret": c.secret})
	if a.member("client_secret") != c.secret || membersOf(t, a)["client_secret_expires_at"] != 0.0 {
		t.Errorf("presented: %d %s", a.Status, a.Body)
	}
	for _, wrong := range []string{"x", oauth.NewClientSecret(), c.secret + " "} {
		s.unchanged(t, func() {
			c.put(map[string]any{"token_endpoint_auth_method": "client_secret_post", "client_secret": wrong}).
				want(t, http.StatusBadRequest, "invalid_client_metadata")
		})
	}
	if a := c.put(none); a.Status != http.StatusOK || strings.Contains(a.Body, "secret\"") {
		t.Errorf("given up: %d %s", a.Status, a.Body)
	}
	old := c.secret
	works(true) // a public client has none, and one that it sends is ignored
	c.secret = ""
	works(true)
	s.unchanged(t, func() {
		c.put(map[string]any{"client_secret": old}).want(t, http.StatusBadRequest, "invalid_client_metadata")
	})
	c.secret = c.put(map[string]any{"token_endpoint_auth_method": nil}).member("client_secret") // 7591-04: Basic
	if c.secret == "" || c.secret == old {
		t.Errorf("new secret %q", c.secret)
	}
	works(true)
}

// TestUpdateErrors: 7592-02, 7592-06. Nothing changes.
func TestUpdateErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	other := s.register()
	const uri, metadata = "invalid_redirect_uri", "invalid_client_metadata"
	tests := map[string]struct {
		change map[string]any
		code   string
	}{
		"no client_id":              {map[string]any{"client_id": nil}, metadata},
		"another client_id":         {map[string]any{"client_id": other.id}, metadata},
		"token":                     {map[string]any{"registration_access_token": c.manage}, metadata},
		"URI":                       {map[string]any{"registration_client_uri": base + "/register/" + c.id}, metadata},
		"issued at":                 {map[string]any{"client_id_issued_at": 1}, metadata},
		"expires at":                {map[string]any{"client_secret_expires_at": 0}, metadata},
		"no redirect URIs":          {map[string]any{"redirect_uris": nil}, uri},
		"7592-06 http":              {map[string]any{"redirect_uris": []string{"http://evil.example/cb"}}, uri},
		"7592-06 javascript":        {map[string]any{"redirect_uris": []string{"JavaScript:alert(1)"}}, uri},
		"unsupported method":        {map[string]any{"token_endpoint_auth_method": "tls_client_auth"}, metadata},
		"7591-01 more than is kept": {map[string]any{"redirect_uris": []string{"https://a.example/" + big(2000), "https://b.example/" + big(2000), "https://c.example/" + big(200)}}, metadata},
		"no supported grant type":   {map[string]any{"grant_types": []string{"client_credentials"}}, metadata},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.unchanged(t, func() { c.put(tt.change).want(t, http.StatusBadRequest, tt.code) })
		})
	}
	s.unchanged(t, func() {
		h := header{"Authorization": "Bearer " + c.manage, "Content-Type": "text/plain"}
		change := `{"client_id":"` + c.id + `","redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"none"}`
		s.do(http.MethodPut, "/register/"+c.id, change, h).want(t, http.StatusBadRequest, metadata)
		s.managed(http.MethodPut, c.id, c.manage, big(70_000)).want(t, http.StatusRequestEntityTooLarge, "invalid_request")
	})
}

// TestManageRefused: 7592-03, 7592-05, B12. Whatever is wrong, the answer is the
// same, and nothing changes.
func TestManageRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	c, other := s.register(), s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"})
	fastmcp := s.putClient("fm", s.sealed, nil)
	gone := s.register()
	if a := s.managed(http.MethodDelete, gone.id, gone.manage, ""); a.Status != http.StatusNoContent {
		t.Fatalf("delete: %d %s", a.Status, a.Body)
	}
	got := c.connect()
	tests := map[string]struct{ id, token string }{
		"no token":              {c.id, ""},
		"another client's":      {c.id, other.manage},
		"never issued":          {c.id, oauth.NewRegistrationToken()},
		"access token":          {c.id, got.access},
		"refresh token":         {c.id, got.refresh},
		"client secret":         {other.id, other.secret},
		"upper case":            {c.id, strings.ToUpper(c.manage)},
		"cut":                   {c.id, c.manage[:20]},
		"unknown client":        {"c_unknown", c.manage},
		"client of FastMCP":     {fastmcp.id, c.manage},
		"deleted client":        {gone.id, gone.manage},
		"another spelling":      {strings.ToUpper(c.id), c.manage},
		"encoded bytes":         {"%00", c.manage},
		"not UTF-8":             {"%ff", c.manage},
		"key of the row":        {"mcp-oauth-proxy-clients:" + c.id, c.manage},
		"hash instead of token": {c.id, string(storage.HashOf(c.manage))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.unchanged(t, func() {
				for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
					a := s.managed(method, tt.id, tt.token, `{"client_id":"x"}`)
					a.want(t, http.StatusUnauthorized, "invalid_token")
					if a.member("error_description") != "the registration access token is not valid for this client" ||
						a.Header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
						t.Errorf("%s: %v %s", method, a.Header, a.Body)
					}
				}
			})
		})
	}
	s.unchanged(t, func() {
		for _, h := range []header{{"Authorization": "Basic " + c.manage}, {"Authorization": c.manage}, {"Authorization": "Bearer"}} {
			s.do(http.MethodGet, "/register/"+c.id, "", h).want(t, http.StatusUnauthorized, "invalid_token")
		}
		s.get("/register/"+c.id+"?access_token="+c.manage).want(t, http.StatusUnauthorized, "invalid_token")
	})
	if dump := s.dump(); strings.Contains(dump, c.manage) || strings.Contains(dump, "mkg_") {
		t.Error("7592-05: the database holds the token in the clear")
	}
}

// TestUnregister: 7592-04. Grants and tokens end with the registration.
func TestUnregister(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c, kept := s.register(), s.register()
		got, others := c.connect(), kept.connect()
		code := c.code("mcp")
		s.wantAccess(t, got.access, true)
		a := s.managed(http.MethodDelete, c.id, c.manage, "")
		if a.Status != http.StatusNoContent || a.Body != "" {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
		s.wantAccess(t, got.access, false)
		c.refresh(got.refresh).want(t, http.StatusUnauthorized, "invalid_client")
		c.exchange(code).want(t, http.StatusUnauthorized, "invalid_client")
		s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_client")
		s.wantAccess(t, others.access, true)
		events, err := s.store.NewestEvents(t.Context(), storage.EventFilter{ClientID: c.id, Type: storage.EventClientDeleted}, 2)
		if err != nil || len(events) != 1 || events[0].Actor != storage.ActorClient || events[0].Reference == "" {
			t.Errorf("events %+v, %v", events, err)
		}
	})
}

// TestManageRaces: of many concurrent requests one wins, and no one gets a 5xx.
func TestManageRaces(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register()
		update := `{"client_id":"` + c.id + `","redirect_uris":["https://a.example/cb"]}`
		for _, tt := range []struct {
			method, body string
			won, lost    int
		}{
			// All but one secret would be lost, if more than one was handed out concurrently.
			{http.MethodPut, update, http.StatusOK, http.StatusConflict},
			{http.MethodDelete, "", http.StatusNoContent, http.StatusUnauthorized},
		} {
			before, err := s.store.Client(t.Context(), c.id)
			if err != nil {
				t.Fatal(err)
			}
			statuses := map[int]int{}
			var secrets []string
			for _, a := range raceOf(t, s, tt.method, "/register/"+c.id, tt.body, header{"Authorization": "Bearer " + c.manage, "Content-Type": "application/json"}) {
				statuses[a.Status]++
				if secret := a.member("client_secret"); secret != "" {
					secrets = append(secrets, secret)
				}
			}
			if statuses[tt.won] < 1 || statuses[tt.won]+statuses[tt.lost] != rivals || tt.method == http.MethodDelete && statuses[tt.won] != 1 {
				t.Errorf("%s: %v", tt.method, statuses)
			}
			if tt.method != http.MethodPut {
				continue
			}
			after, err := s.store.Client(t.Context(), c.id)
			if err != nil || len(secrets) != 1 || after.SecretHash != storage.HashOf(secrets[0]) || before.SecretHash != "" {
				t.Errorf("%d secrets were handed out, %v", len(secrets), err)
			}
		}
	})
}
