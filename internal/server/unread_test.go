package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/cache"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	unreadText = "could not be read"
	lookedUp   = "could not be looked up"
)

// answering is a fault of a site: each request gets this status.
func answering(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// unreadSite is a site whose clients' documents are away.
func unreadSite(t *testing.T, e dbtest.Engine, options ...func(*setup)) *site {
	t.Helper()
	s := start(t, append([]func(*setup){on(e), publishing(fetchtest.New(t)), readopting(oauth.ReadoptKnown)}, options...)...)
	s.publisher.Fail(fetchtest.Down)
	return s
}

// TestUnreadDocument: CIMD-09, CIMD-16, E9. The app whose document cannot be fetched
// is let in by a person, who is told so, and lives while the site is away: at any replica, after a
// restart, also when strangers use up the limit of fetches. When the site is back, its
// document takes over and nothing is left of what was approved without it.
func TestUnreadDocument(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := unreadSite(t, e)
		c := s.published("/c.json", map[string]any{"client_name": "Documented", "redirect_uris": []string{"http://127.0.0.1/other"}})
		host := s.publisher.URL[len("https://"):]
		s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "")
		b := s.browser()
		b.visit(c.authorizePath()).shows(t, http.StatusOK, "An app without a name")
		consent := b.signIn(c)
		consent.shows(t, http.StatusOK, "Not verified: its description at", unreadText, host, "An app on this computer")
		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_client_documents WHERE approved_redirect_uri IS NOT NULL"); n != 0 {
			t.Error("it is approved before anyone has")
		}
		got := tokensOf(t, c.exchange(b.submit(consent, approve).target(t, c.redirect).Get("code")))
		s.wantAccess(t, got.access, true)
		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM oauth_clients"); n != 0 {
			t.Errorf("%d registered clients", n)
		}

		s.sendMessage(got.access, initialize(t, map[string]any{"name": "copilot"})).want(t, http.StatusOK, "")
		s.clock.advance(cache.Fresh)
		s.browser().signIn(c).shows(t, http.StatusOK, "An app that calls itself “<bdi>copilot</bdi>”", "Not verified: its description at")

		before := s.publisher.Requests("")
		for i := range 30 { // strangers
			other := *c
			other.id = fmt.Sprintf("%s/%d.json", s.publisher.URL, i)
			s.get(other.authorizePath(), asProgram)
		}
		requests := s.publisher.Requests("") - before
		for range 3 {
			s.clock.advance(5 * time.Hour)
			c.s = s.replica(func(*server.Config) {})
			got = tokensOf(t, c.refresh(got.refresh))
			s.wantAccess(t, got.access, true)
		}
		if n := s.publisher.Requests("") - before; n != requests {
			t.Errorf("%d requests for the document while tokens were renewed", n-requests)
		}
		c.refresh("unknown").want(t, http.StatusBadRequest, "invalid_grant")

		c.s = s
		s.clock.advance(time.Minute)
		s.publisher.Fail(nil)
		s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_request") // the document does not list it
		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_client_documents WHERE approved_redirect_uri IS NOT NULL"); n != 0 {
			t.Error("the approved redirect URI is still there")
		}
		got = tokensOf(t, c.refresh(got.refresh))
		s.wantAccess(t, got.access, true)
		c.redirect = "http://127.0.0.1:1/other"
		s.browser().signIn(c).shows(t, http.StatusOK, "Documented", "Published by")
	})
}

// TestUnreadOnlyIfAway: CIMD-09, E9. Nothing but an outage of the site lets a person
// decide without the document, and nothing but a public client on the person's own
// machine that could register.
func TestUnreadOnlyIfAway(t *testing.T) {
	t.Parallel()
	type try struct {
		fault    http.HandlerFunc
		option   func(*setup)
		redirect string
		change   url.Values
		want     int
	}
	plain := func(*setup) {}
	for name, tt := range map[string]try{
		"connection ends":   {fault: fetchtest.Down, want: http.StatusOK},
		"429":               {fault: answering(http.StatusTooManyRequests), want: http.StatusOK},
		"500":               {fault: answering(http.StatusInternalServerError), want: http.StatusOK},
		"503":               {fault: answering(http.StatusServiceUnavailable), want: http.StatusOK},
		"cut off":           {fault: cutOff, want: http.StatusOK},
		"open":              {fault: fetchtest.Down, option: readopting(oauth.ReadoptOpen), want: http.StatusOK},
		"allowlist":         {fault: fetchtest.Down, option: registering(oauth.RegistrationAllowlist, "claude.ai"), want: http.StatusOK},
		"forbidden":         {fault: fetchtest.Blocked, want: http.StatusServiceUnavailable},
		"not found":         {fault: answering(http.StatusNotFound), want: http.StatusServiceUnavailable},
		"gone":              {fault: answering(http.StatusGone), want: http.StatusServiceUnavailable},
		"redirect":          {fault: answering(http.StatusFound), want: http.StatusServiceUnavailable},
		"no JSON":           {fault: answering(http.StatusOK), want: http.StatusServiceUnavailable},
		"invalid":           {fault: jsonOf(`{}`), want: http.StatusBadRequest},
		"off":               {fault: fetchtest.Down, option: readopting(oauth.ReadoptOff), want: http.StatusServiceUnavailable},
		"closed":            {fault: fetchtest.Down, option: registering(oauth.RegistrationClosed), want: http.StatusServiceUnavailable},
		"website":           {fault: fetchtest.Down, redirect: "https://client.test/cb", want: http.StatusServiceUnavailable},
		"vendor's website":  {fault: fetchtest.Down, redirect: "https://claude.ai/api/mcp/auth_callback", want: http.StatusServiceUnavailable},
		"scheme":            {fault: fetchtest.Down, redirect: "cursor://anysphere.cursor-mcp/oauth/callback", want: http.StatusServiceUnavailable},
		"no redirect URI":   {fault: fetchtest.Down, change: url.Values{"redirect_uri": nil}, want: http.StatusServiceUnavailable},
		"two redirect URIs": {fault: fetchtest.Down, change: url.Values{"redirect_uri": {"http://127.0.0.1/a", "http://127.0.0.1/b"}}, want: http.StatusServiceUnavailable},
		"no PKCE":           {fault: fetchtest.Down, change: url.Values{"code_challenge": nil}, want: http.StatusServiceUnavailable},
		"plain PKCE":        {fault: fetchtest.Down, change: url.Values{"code_challenge_method": {"plain"}}, want: http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.option == nil {
				tt.option = plain
			}
			s := unreadSite(t, dbtest.SQLite(), tt.option)
			s.publisher.Fail(tt.fault)
			c := s.published("/c.json")
			if tt.redirect != "" {
				c.redirect = tt.redirect
			}
			for _, h := range []header{asProgram, asBrowser} {
				a := s.get(c.authorizePath(tt.change), h)
				if a.Status != tt.want || a.Header.Get("Location") != "" {
					t.Errorf("%d to %q, want %d: %s", a.Status, a.Header.Get("Location"), tt.want, a.brief())
				}
			}
			if tt.want != http.StatusOK {
				c.refresh("unknown").want(t, map[int]int{http.StatusServiceUnavailable: http.StatusServiceUnavailable, http.StatusBadRequest: http.StatusUnauthorized}[tt.want],
					map[int]string{http.StatusServiceUnavailable: "temporarily_unavailable", http.StatusBadRequest: "invalid_client"}[tt.want])
			}
		})
	}
}

// cutOff ends the connection in the middle of an answer.
func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte("{"))
	panic(http.ErrAbortHandler)
}

func jsonOf(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	}
}

// TestUnreadInTheMiddle: what the site says while a person signs in counts: a document
// that is there again decides, one that turns out to be wrong ends the sign-in, and
// strangers who use up the limit of fetches do not.
func TestUnreadInTheMiddle(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := unreadSite(t, e)
		c := s.published("/c.json", map[string]any{"redirect_uris": []string{"http://127.0.0.1/other"}})
		begin := func() (b *browser, consent page) {
			t.Helper()
			s.clock.advance(time.Minute)
			s.publisher.Fail(fetchtest.Down)
			b = s.browser()
			consent = b.signIn(c)
			consent.shows(t, http.StatusOK, unreadText)
			s.clock.advance(time.Minute)
			return b, consent
		}
		b, consent := begin()
		s.publisher.Fail(answering(http.StatusNotFound))
		b.submit(consent, approve).shows(t, http.StatusServiceUnavailable, lookedUp)

		b, consent = begin()
		for i := range 30 {
			other := *c
			other.id = fmt.Sprintf("%s/%d.json", s.publisher.URL, i)
			s.get(other.authorizePath(), asProgram)
		}
		got := tokensOf(t, c.exchange(b.submit(consent, approve).target(t, c.redirect).Get("code")))
		s.wantAccess(t, got.access, true)

		b, consent = begin()
		s.publisher.Fail(nil)
		b.submit(consent, approve).shows(t, http.StatusBadRequest, "redirect URI does not match")

		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM mcpkeep_events WHERE type = 'client_readopted'"); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

// TestUnreadByProvider: the same with a sign-in provider, where the callback approves.
func TestUnreadByProvider(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s, gh := gitHubSite(t, on(e), publishing(fetchtest.New(t)), readopting(oauth.ReadoptKnown))
		s.publisher.Fail(fetchtest.Down)
		c := s.published("/c.json")
		b := s.browser()
		p := b.visit(c.authorizePath())
		p.shows(t, http.StatusOK, unreadText)
		if q := b.submit(p, deny).target(t, c.redirect); q.Get("error") != "access_denied" {
			t.Errorf("deny: %v", q)
		}
		back := b.upTo(c, gh)
		got := tokensOf(t, c.exchange(b.at(back).target(t, c.redirect).Get("code")))
		s.wantAccess(t, got.access, true)
		s.clock.advance(time.Minute)
		s.publisher.Fail(nil)
		s.browser().visit(c.authorizePath()).shows(t, http.StatusOK, "Published by")
	})
}

// TestUnreadKeepsGrants: CIMD-11, CIMD-16, E9. A document that is too old for new
// sign-ins is no dead end either; what it says counts for the tokens all the same, and
// the approval of one person ends no grant of another. A client that proves itself by
// a key cannot be let in without.
func TestUnreadKeepsGrants(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), publishing(fetchtest.New(t)), readopting(oauth.ReadoptKnown), func(set *setup) {
			set.Lifetimes.RefreshToken = 30 * 24 * time.Hour
		})
		c := s.published("/c.json")
		keyed := s.published("/keyed.json", map[string]any{
			"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": s.publisher.URL + "/jwks.json",
		})
		s.get(keyed.authorizePath(), asProgram).want(t, http.StatusOK, "")
		old := c.connect()
		s.publisher.Fail(fetchtest.Down)
		s.clock.advance(8 * 24 * time.Hour)
		s.get(keyed.authorizePath(), asProgram).want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
		other := *c
		other.redirect = "http://127.0.0.1:9/elsewhere"
		b := s.browser()
		consent := b.signIn(&other)
		consent.shows(t, http.StatusOK, unreadText, "An app without a name")
		got := tokensOf(t, other.exchange(b.submit(consent, approve).target(t, other.redirect).Get("code")))
		s.wantAccess(t, got.access, true)
		old = tokensOf(t, c.refresh(old.refresh))
		s.wantAccess(t, old.access, true)
		if a := s.browser().signIn(c); !strings.Contains(a.Body, unreadText) {
			t.Errorf("no page: %s", a.Body)
		}
	})
}

// TestUnreadVendorsCopy: CIMD-13. A copy that ships with the program may be older than
// the app: another address on the person's machine can be approved without it, and
// none elsewhere.
func TestUnreadVendorsCopy(t *testing.T) {
	t.Parallel()
	s := unreadSite(t, dbtest.SQLite())
	c := &client{s: s, id: "https://github.com/copilot/cli/client-metadata.json", redirect: "http://127.0.0.1:5555/", verifier: oauth.NewVerifier()}
	s.browser().signIn(c).shows(t, http.StatusOK, "GitHub Copilot CLI", "Could not be verified right now")
	c.redirect = "http://127.0.0.1:5555/new"
	b := s.browser()
	consent := b.signIn(c)
	consent.shows(t, http.StatusOK, unreadText, "github.com")
	got := tokensOf(t, c.exchange(b.submit(consent, approve).target(t, c.redirect).Get("code")))
	tokensOf(t, c.refresh(got.refresh))
	c.redirect = "https://evil.example/cb"
	s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_request")
}

// TestUnreadEnds: an operator ends it like any client.
func TestUnreadEnds(t *testing.T) {
	t.Parallel()
	s := unreadSite(t, dbtest.SQLite())
	c := s.published("/c.json")
	b := s.browser()
	got := tokensOf(t, c.exchange(b.submit(b.signIn(c), approve).target(t, c.redirect).Get("code")))
	list, err := s.store.ListDocumentClients(t.Context(), "", 9, s.clock.Now())
	if err != nil || len(list) != 1 || list[0].ID != c.id || list[0].Grants != 1 || !list[0].FetchedAt.IsZero() {
		t.Errorf("listed %+v, %v", list, err)
	}
	if client, err := s.config.Store.Client(t.Context(), c.id); err != nil || client.Origin != storage.OriginUnread {
		t.Errorf("%+v, %v", client, err)
	}
	if err := s.config.Store.DeleteClient(t.Context(), c.id, s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	s.wantAccess(t, got.access, false)
}

// TestDocumentsOffered: AS-15. The metadata says at each request whether documents are
// offered; ids that are documents' are accepted either way.
func TestDocumentsOffered(t *testing.T) {
	t.Parallel()
	offered := false
	s := start(t, publishing(fetchtest.New(t)), func(set *setup) { set.DocumentsOffered = func() bool { return offered } })
	c := s.published("/c.json")
	for range 2 {
		for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/mcp"} {
			if got := strings.Contains(s.get(path).Body, `"client_id_metadata_document_supported":true`); got != offered {
				t.Errorf("%s: offered %t, want %t", path, got, offered)
			}
		}
		s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "")
		offered = true
	}
}
