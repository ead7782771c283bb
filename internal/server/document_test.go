package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// published is a client that is known by a document of the site's publisher.
func (s *site) published(path string, changes ...map[string]any) *client {
	s.Helper()
	return &client{s: s, id: s.publisher.Publish(path, changes...), redirect: loopbackRedirect, verifier: oauth.NewVerifier()}
}

// TestDocumentClient: AS-12, AS-13, CIMD-10, C-09. A client that never registered
// signs in, calls, refreshes and revokes; a restart changes nothing.
func TestDocumentClient(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), publishing(fetchtest.New(t)))
		c := s.published("/oauth/client.json", map[string]any{"client_name": "Documented"})
		c.redirect = "http://127.0.0.1:51234/callback" // the document has no port
		b := s.browser()
		consent := b.signIn(c)
		consent.shows(t, http.StatusOK, "Documented")
		code := b.submit(consent, approve).target(t, c.redirect).Get("code")
		got := tokensOf(t, c.exchange(code))
		s.wantAccess(t, got.access, true)
		restarted := s.replica(func(*server.Config) {})
		c.s = restarted
		next := tokensOf(t, c.refresh(got.refresh))
		restarted.wantAccess(t, next.access, true)
		restarted.form("/revoke", changed(c.refreshForm("x"), url.Values{"token": {next.refresh}})).want(t, http.StatusOK, "")
		restarted.wantAccess(t, next.access, false)
		if n := s.publisher.Requests(""); n != 1 {
			t.Errorf("%d requests for the document, want 1", n)
		}
	})
}

// TestDocumentMetadata: AS-15. The method is advertised where it is offered.
func TestDocumentMetadata(t *testing.T) {
	t.Parallel()
	for offered, s := range map[bool]*site{true: start(t, publishing(fetchtest.New(t))), false: start(t)} {
		var got map[string]any
		if err := json.Unmarshal([]byte(s.get("/.well-known/oauth-authorization-server").Body), &got); err != nil {
			t.Fatal(err)
		}
		if value, ok := got["client_id_metadata_document_supported"]; ok != offered || offered && value != true {
			t.Errorf("offered %t, but %v", offered, value)
		}
	}
}

// TestDocumentsOff: such an id is an unknown client.
func TestDocumentsOff(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publisher = fetchtest.New(t)
	c := s.published("/c.json")
	s.unchanged(t, func() {
		s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_client")
		c.refresh("unknown").want(t, http.StatusUnauthorized, "invalid_client")
	})
	if n := s.publisher.Requests(""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestDocumentConsent: AS-14, CIMD-12, CIMD-14, A13. The page names whose document it
// is and where the answer goes, warns of what only loopback addresses prove, and
// shows nothing that the document names.
func TestDocumentConsent(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	web := s.published("/web", map[string]any{
		"redirect_uris": []string{"https://app.client.test/cb", "http://127.0.0.1/callback"}, "logo_uri": "https://logo.client.test/l.png",
	})
	web.redirect = "https://app.client.test/cb"
	p := s.browser().signIn(web)
	p.shows(t, http.StatusOK, "Published by", "127.0.0.1", "app.client.test")
	for _, not := range []string{"the website does not prove", "logo.client.test", "<img", "Not verified"} {
		if strings.Contains(p.Body, not) {
			t.Errorf("CIMD-14: the page holds %q", not)
		}
	}
	local := s.published("/local")
	s.browser().signIn(local).shows(t, http.StatusOK, "Published by", "An app on this computer", "the website does not prove")
	borrowed := s.published("/borrowed", map[string]any{"client_name": "ChatGPT"})
	s.browser().signIn(borrowed).shows(t, http.StatusOK, "does not belong to", "ChatGPT")
}

// TestDocumentAlwaysAsks: A3, A12. A user who approved a client before is asked again,
// wherever the request comes from.
func TestDocumentAlwaysAsks(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	c, b := s.published("/c.json"), s.browser()
	b.submit(b.signIn(c), approve).target(t, c.redirect)
	for _, from := range []string{"", "none", "same-origin", "cross-site"} {
		h := header{"Accept": "text/html"}
		if from != "" {
			h["Sec-Fetch-Site"] = from
		}
		a := s.get(c.authorizePath(), h)
		if a.Status != http.StatusOK || a.Header.Get("Location") != "" {
			t.Errorf("%q: %d to %s", from, a.Status, a.Header.Get("Location"))
		}
	}
}

// TestDocumentRedirects: CIMD-10, CIMD-15, AS-13. One matcher decides about what the
// document lists now.
func TestDocumentRedirects(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	c := s.published("/c.json", map[string]any{"redirect_uris": []string{"http://localhost/callback", "https://client.test/cb"}})
	for uri, ok := range map[string]bool{
		"http://localhost:1234/callback": true, "http://localhost/callback": true, "https://client.test/cb": true,
		"http://127.0.0.1:1234/callback": false, "http://localhost:1234/other": false, "https://client.test:8443/cb": false,
		"https://client.test/cb/": false, "https://evil.test/cb": false, "http://localhost.evil.test/callback": false,
	} {
		c.redirect = uri
		want, code := http.StatusOK, ""
		if !ok {
			want, code = http.StatusBadRequest, "invalid_request"
		}
		s.get(c.authorizePath(), asProgram).want(t, want, code)
	}
	if n := s.publisher.Requests(""); n != 1 {
		t.Errorf("E4: %d requests", n)
	}
	s.published("/c.json", map[string]any{"redirect_uris": []string{"https://client.test/new"}})
	c.redirect = "https://client.test/cb"
	s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "")
	b := s.browser()
	consent := b.signIn(c)
	s.clock.advance(5 * time.Minute)
	c.redirect = "https://client.test/new"
	s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "") // E5: it is looked up immediately
	c.redirect = "https://client.test/cb"
	s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_request")
	b.submit(consent, approve).shows(t, http.StatusBadRequest, "redirect URI does not match")
}

// TestDocumentUnavailable: CIMD-09. A document that cannot be fetched says nothing about
// the client.
func TestDocumentUnavailable(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	c := s.published("/c.json")
	for _, fault := range []http.HandlerFunc{fetchtest.Down, fetchtest.Blocked} {
		s.publisher.Fail(fault)
		a := s.browser().visit(c.authorizePath())
		a.shows(t, http.StatusServiceUnavailable, "could not be looked up", s.publisher.URL[len("https://"):])
		if a.Header.Get("Location") != "" || a.Header.Get("Retry-After") == "" {
			t.Errorf("headers %v", a.Header)
		}
		s.get(c.authorizePath(), asProgram).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
		for path, form := range map[string]url.Values{
			"/token": c.refreshForm("unknown"), "/revoke": changed(c.refreshForm("x"), url.Values{"token": {"x"}}),
		} {
			a := s.form(path, form)
			a.want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
			if a.Header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", path)
			}
		}
		s.clock.advance(time.Minute)
	}
	s.publisher.Fail(nil)
	s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "")
}

// TestDocumentInvalid: the response says what is wrong with the document.
func TestDocumentInvalid(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	c := s.published("/c.json", map[string]any{"client_id": "https://evil.test/c.json"})
	s.browser().visit(c.authorizePath()).shows(t, http.StatusBadRequest, "metadata is invalid", "client_id must exactly match")
	s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_client")
	c.refresh("unknown").want(t, http.StatusUnauthorized, "invalid_client")
}

// TestDocumentAway: CIMD-09, C-09. A vendor's site that is down ends no sign-in: for
// as long as there are tokens they are renewed. New sign-ins continue for a week, and
// the page says that the app could not be verified.
func TestDocumentAway(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), publishing(fetchtest.New(t)))
		c := s.published("/c.json")
		got := c.connect()
		if a := s.get(c.authorizePath(), asProgram); a.Status != http.StatusOK {
			t.Fatal(a.Body)
		}
		s.publisher.Fail(fetchtest.Down)
		day := func() {
			t.Helper()
			s.clock.advance(23 * time.Hour)
			got = tokensOf(t, c.refresh(got.refresh))
			s.wantAccess(t, got.access, true)
		}
		day()
		s.browser().visit(c.authorizePath()).shows(t, http.StatusOK, "An app that calls itself")
		s.browser().signIn(c).shows(t, http.StatusOK, "Could not be verified right now")
		for range 7 {
			day()
		}
		s.get(c.authorizePath(), asProgram).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
		for range 30 {
			day()
		}
	})
}

// TestVendorCopy: CIMD-13, C-09. The app of a vendor whose site cannot be reached signs in by the
// copy of its document, and the page says so.
func TestVendorCopy(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	c := &client{
		s: s, id: "https://claude.ai/oauth/claude-code-client-metadata", redirect: "http://localhost:51234/callback", verifier: oauth.NewVerifier(),
	}
	b := s.browser()
	consent := b.signIn(c)
	consent.shows(t, http.StatusOK, "Claude Code", "Could not be verified right now", "claude.ai")
	got := tokensOf(t, c.exchange(b.submit(consent, approve).target(t, c.redirect).Get("code")))
	if a := s.call(got.access); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	c.redirect = "https://evil.test/cb"
	s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_request")
}

// TestVendorAway: CIMD-13. A vendor's document that was fetched once is not worse than
// one that never was: its apps sign in however long its site has been away.
func TestVendorAway(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	const id = "https://claude.ai/oauth/claude-code-client-metadata"
	c := &client{s: s, id: id, redirect: "http://localhost:51234/callback", verifier: oauth.NewVerifier()}
	now := s.clock.Now()
	claim := storage.DocumentClaim{
		ClientID: id, URL: id, Site: "claude.ai", Lease: "a", Until: now.Add(time.Minute),
		Limit: storage.FetchLimit{Since: now.Add(-time.Minute), PerSite: 1, All: 1},
	}
	if err := s.store.ClaimDocument(t.Context(), claim, now); err != nil {
		t.Fatal(err)
	}
	got := storage.FetchedDocument{
		ClientID: id, URL: id, Lease: "a", Name: "As published", FreshUntil: now.Add(time.Hour),
		Body: `{"client_id":"` + id + `","client_name":"As published","redirect_uris":["http://localhost/callback"]}`,
	}
	if err := s.store.SaveDocument(t.Context(), got, now); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(30 * 24 * time.Hour)
	s.browser().signIn(c).shows(t, http.StatusOK, "As published", "Could not be verified right now")
}

// TestDocumentSharedID: CIMD-11, F. One id is used by many installations: a grant of
// one has nothing to do with that of another.
func TestDocumentSharedID(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), publishing(fetchtest.New(t)))
		c := s.published("/c.json")
		first, second := c.connect(), c.connect()
		third := tokensOf(t, c.exchange(c.code("mcp")))
		first = tokensOf(t, c.refresh(first.refresh))
		s.form("/revoke", changed(c.refreshForm("x"), url.Values{"token": {second.refresh}})).want(t, http.StatusOK, "")
		s.wantAccess(t, second.access, false)
		for _, got := range []tokens{first, third} {
			s.wantAccess(t, got.access, true)
		}
		if err := s.config.Store.DeleteClient(t.Context(), c.id, s.clock.Now()); err != nil {
			t.Fatal(err)
		}
		for _, got := range []tokens{first, third} {
			s.wantAccess(t, got.access, false)
		}
		c.refresh(first.refresh).want(t, http.StatusBadRequest, "invalid_grant") // it is a client all the same
	})
}

// TestAuthorizeFetchesOnly: looking at the first page changes nothing but what is
// known of the document.
func TestAuthorizeFetchesOnly(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	c := s.published("/c.json")
	s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "")
	s.unchanged(t, func() {
		for range 5 {
			s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "")
		}
	})
	for table, want := range map[string]int64{
		"mcpkeep_client_documents": 1, "oauth_clients": 0, "mcpkeep_authorizations": 0, "mcpkeep_grants": 0, "mcpkeep_users": 1,
	} {
		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM "+table); n != want {
			t.Errorf("%s: %d rows, want %d", table, n, want)
		}
	}
}

// TestE4AtTheDoor: a thousand requests with made-up ids make a bounded number of
// fetches and rows, and no 5xx other than the honest one.
func TestE4AtTheDoor(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	c := s.published("/c.json")
	for i := range 1000 {
		c.id = fmt.Sprintf("%s/%d.json", s.publisher.URL, i)
		s.get(c.authorizePath(), asProgram).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	if n := s.publisher.Requests(""); n > 20 {
		t.Errorf("%d requests went out", n)
	}
	if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_client_documents"); n > 20 {
		t.Errorf("%d rows", n)
	}
}

// TestE1AtTheDoor: IDs that lead into this server's network get a response without a
// connection, and without a hint of what is there.
func TestE1AtTheDoor(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	c := s.published("/c.json")
	for _, id := range []string{
		"https://10.0.0.1/c", "https://169.254.169.254/latest/meta-data", "https://[::1]/c", "https://[fd00::1]/c", "https://100.64.0.1/c",
		"https://127.0.0.1:22/c", "https://127.0.0.1:25/c", "https://0.0.0.0/c",
	} {
		c.id = id
		a := s.get(c.authorizePath(), asProgram)
		a.want(t, http.StatusBadRequest, "invalid_client")
		for _, tell := range []string{"refused", "timeout", "route", "port", "certificate"} {
			if strings.Contains(a.Body, tell) {
				t.Errorf("%s: the answer tells %q: %s", id, tell, a.Body)
			}
		}
		s.clock.advance(time.Minute)
	}
	for _, id := range []string{"https://keep.example.com/authorize", base + "/x"} { // ourselves
		c.id = id
		s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_client")
	}
	// No registration is managed at such an id, and none is fetched for it.
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, base+"/register/"+url.PathEscape(s.publisher.URL+"/c.json"), nil)
	req.Header.Set("Authorization", "Bearer "+oauth.NewRegistrationToken())
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, req)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("management: %d %s", w.Code, w.Body)
	}
	if n := s.publisher.Requests(""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestDocumentNever: CIMD-04. A client ID that is never fetched is the client's mistake, for
// good, and no outage to wait for.
func TestDocumentNever(t *testing.T) {
	t.Parallel()
	s := start(t, publishing(fetchtest.New(t)))
	for id, reason := range map[string]string{
		"https://10.0.0.1/c.json": "its URL is not allowed", "https://127.0.0.1:22/c.json": "its URL is not allowed",
		"https://" + strings.Repeat("a", 64) + ".example/c.json": "", "https://client.example/" + strings.Repeat("a", 4000): "",
	} {
		c := &client{s: s, id: id, redirect: loopbackRedirect, verifier: oauth.NewVerifier()}
		for what, a := range map[string]answer{
			"page": s.get(c.authorizePath(), header{"Accept": "text/html"}), "authorize": s.get(c.authorizePath(), asProgram), "token": c.refresh("unknown"),
		} {
			if a.Status != http.StatusBadRequest && a.Status != http.StatusUnauthorized || a.Header.Get("Retry-After") != "" ||
				!strings.Contains(a.Body, reason) || strings.Contains(a.Body, "again shortly") {
				t.Errorf("%.40s, %s: %d, %.300s", id, what, a.Status, a.Body)
			}
		}
	}
}
