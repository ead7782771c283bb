package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	readoptText   = "It has no registration for this app"
	notRegistered = "This app is not registered"
)

func readopting(mode oauth.ReadoptMode) func(*setup) {
	return func(set *setup) { set.Readopt.Mode = mode }
}

// dead is a client with a registration that this server never saw.
func (s *site) dead(id, redirect string) *client {
	return &client{s: s, id: id, redirect: redirect, verifier: oauth.NewVerifier()}
}

const deadID = "2f6c1f9e-8f0e-4a53-9f2b-2f5d8d0f6a11"

// TestReadoptModes: which unknown client sees a sign-in page. Nothing is stored,
// however often the page is fetched (C-02), and no one is redirected.
func TestReadoptModes(t *testing.T) {
	t.Parallel()
	const loopback, vendor, other = loopbackRedirect, "https://claude.ai/api/mcp/auth_callback", "https://other.example/cb"
	tests := map[string]struct {
		option func(*setup)
		taken  []string
	}{
		"off":   {readopting(oauth.ReadoptOff), nil},
		"known": {readopting(oauth.ReadoptKnown), []string{loopback, vendor}},
		"open":  {readopting(oauth.ReadoptOpen), []string{loopback, vendor, other}},
		"known, closed": {func(set *setup) {
			registering(oauth.RegistrationClosed)(set)
			readopting(oauth.ReadoptKnown)(set)
		}, nil},
		"open, allowlist": {func(set *setup) {
			registering(oauth.RegistrationAllowlist, "other.example")(set)
			readopting(oauth.ReadoptOpen)(set)
		}, []string{loopback, other}},
	}
	for mode, tt := range tests {
		s := start(t, tt.option)
		for _, uri := range []string{
			loopback, "http://localhost:1/cb?x=1", "http://[::1]:9/", vendor, other, "http://evil.example/cb", "javascript:alert(1)", "http://127.0.0.1.evil.example/cb", "",
		} {
			want := slices.Contains(tt.taken, uri) || slices.Contains(tt.taken, loopback) && parsed(uri).IsLoopback()
			t.Run(mode+" "+uri, func(t *testing.T) {
				c := s.dead(deadID, uri)
				s.unchanged(t, func() {
					for range 3 {
						if want {
							s.browser().visit(c.authorizePath()).shows(t, http.StatusOK, "Sign in")
							s.get(c.authorizePath(), asProgram).want(t, http.StatusOK, "")
							continue
						}
						s.browser().visit(c.authorizePath()).shows(t, http.StatusBadRequest, notRegistered)
						s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_client")
					}
				})
			})
		}
	}
}

// TestReadoptIDs: an id that is a document's address, too long, or of odd
// characters is not taken (C-03).
func TestReadoptIDs(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptOpen))
	for _, id := range []string{
		"https://client.example/metadata.json", "http://client.example/", big(129), "a b", "<script>", "a/b", "a:b", "ключ", "usr_abc", "%00",
		"mcp-oauth-proxy-clients:abc",
	} {
		s.unchanged(t, func() {
			s.browser().visit(s.dead(id, loopbackRedirect).authorizePath()).shows(t, http.StatusBadRequest, notRegistered)
		})
	}
}

// TestReadopt is the whole way of a client that has lost its registration: nothing
// is stored before the person approves, then all of it; from then on it is a
// client like others. It starts at one replica and ends at another.
func TestReadopt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), readopting(oauth.ReadoptKnown))
		c := s.dead(deadID, loopbackRedirect)
		c.refresh("unknown").want(t, http.StatusUnauthorized, "invalid_client")
		c.exchange("unknown").want(t, http.StatusUnauthorized, "invalid_client")
		b := s.browser()
		consent := b.signIn(c)
		consent.shows(t, http.StatusOK, readoptText)
		consent.shows(t, http.StatusOK, "Not verified by this server")
		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM oauth_clients"); n != 0 {
			t.Errorf("%d clients before the person approved", n)
		}
		b.moveTo(s.replica(func(*server.Config) {}))
		b.http.Transport = b.s
		code := b.submit(consent, approve).target(t, c.redirect).Get("code")
		got := tokensOf(t, c.exchange(code))
		s.wantAccess(t, got.access, true)
		got = tokensOf(t, c.refresh(got.refresh))

		row, err := s.store.Client(t.Context(), c.id)
		if err != nil || row.AuthMethod != "" || row.SecretHash+row.RegistrationTokenHash != "" {
			t.Errorf("%+v, %v", row, err)
		}
		events, err := s.store.NewestEvents(t.Context(), storage.EventFilter{Type: storage.EventClientReadopted}, 2)
		if err != nil || len(events) != 1 || events[0].ClientID != c.id || events[0].Actor != storage.ActorPerson || events[0].UserID == "" {
			t.Errorf("events %+v, %v", events, err)
		}
		again := s.browser().signIn(c)
		if again.shows(t, http.StatusOK, "Not verified by this server"); strings.Contains(again.Body, readoptText) {
			t.Error("the second sign-in asks about the registration again")
		}
		s.wantAccess(t, got.access, true)
	})
}

// TestReadoptByProvider: the same with a sign-in provider, where the callback
// registers.
func TestReadoptByProvider(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s, gh := gitHubSite(t, on(e), readopting(oauth.ReadoptKnown))
		c := s.dead("c_lost", "https://chatgpt.com/connector/oauth/a1B2")
		b := s.browser()
		p := b.visit(c.authorizePath())
		p.shows(t, http.StatusOK, readoptText)
		p.shows(t, http.StatusOK, "ChatGPT")
		if q := b.submit(p, deny).target(t, c.redirect); q.Get("error") != "access_denied" {
			t.Errorf("deny: %v", q)
		}
		back := b.upTo(c, gh)
		s.browser().at(back).shows(t, http.StatusForbidden, "This form has expired")
		if n := dbtest.Value[int64](t, s.sql, "SELECT COUNT(*) FROM oauth_clients"); n != 0 {
			t.Errorf("%d clients before the person has signed in", n)
		}
		got := tokensOf(t, c.exchange(b.at(back).target(t, c.redirect).Get("code")))
		s.wantAccess(t, got.access, true)
		c.redirect = "https://chatgpt.com/connector_platform_oauth_redirect"
		s.connectAs(c)

		gh.SignInAs("mallory") // whom the policy refuses
		refused := s.dead("c_other", loopbackRedirect)
		s.browser().approveAt(refused).shows(t, http.StatusForbidden, "mallory")
		s.get(refused.authorizePath(), asProgram).want(t, http.StatusOK, "")
		if _, err := s.store.Client(t.Context(), refused.id); err == nil {
			t.Error("someone who may not sign in has registered a client")
		}
	})
}

// TestReadoptWithSecret: C-04. A lost client may hold a secret, as FastMCP gave them to all that
// did not ask for none. It continues sending it, in the way that it knows, and no one
// can tell what it was.
func TestReadoptWithSecret(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), readopting(oauth.ReadoptKnown))
		none := url.Values{"client_id": nil, "client_secret": nil}
		for id, way := range map[string]func(secret string) (url.Values, header){
			"lost-post":  func(secret string) (url.Values, header) { return url.Values{"client_secret": {secret}}, nil },
			"lost-basic": func(secret string) (url.Values, header) { return none, basic("lost-basic", secret) },
		} {
			c := s.dead(id, "https://chatgpt.com/connector/oauth/a1B2")
			body, h := way("64-hex-digits-of-another-server")
			s.form("/token", c.refreshForm("unknown", body), h).want(t, http.StatusUnauthorized, "invalid_client")
			b := s.browser()
			code := b.submit(b.signIn(c), approve).target(t, c.redirect).Get("code")
			got := tokensOf(t, s.form("/token", c.exchangeForm(code, body), h))
			got = tokensOf(t, s.form("/token", c.refreshForm(got.refresh, body), h))
			got = tokensOf(t, s.form("/token", c.refreshForm(got.refresh))) // it proves nothing, and is not needed
			token := url.Values{"token": {got.access}}
			s.form("/introspect", changed(c.refreshForm("x", body), token), h).want(t, http.StatusUnauthorized, "invalid_client")
			s.form("/revoke", changed(c.refreshForm("x", body), token), h).want(t, http.StatusOK, "")
			s.wantAccess(t, got.access, false)
		}
	})
}

// TestReadoptTogether: two people with the same stale ID, each in the middle of it.
func TestReadoptTogether(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptKnown))
	first, second := s.dead(deadID, "http://127.0.0.1:1/callback"), s.dead(deadID, "http://127.0.0.1:2/callback")
	a, b := s.browser(), s.browser()
	pageA, pageB := a.signIn(first), b.signIn(second)
	codeA := a.submit(pageA, approve).target(t, first.redirect).Get("code")
	codeB := b.submit(pageB, approve).target(t, second.redirect).Get("code")
	s.wantAccess(t, tokensOf(t, first.exchange(codeA)).access, true)
	s.wantAccess(t, tokensOf(t, second.exchange(codeB)).access, true)
}

// TestReadoptErrors: 9700-02, 9700-10. What is wrong with the request of an unknown
// client gets its response here, also for programs: nothing goes to an address that no one
// has agreed to.
func TestReadoptErrors(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptOpen))
	c := s.dead(deadID, "https://evil.example/cb")
	for name, change := range map[string]url.Values{
		"no PKCE":        {"code_challenge": nil},
		"plain":          {"code_challenge_method": {"plain"}},
		"response type":  {"response_type": {"token"}},
		"foreign target": {"resource": {"https://other.example/"}},
		"repeated":       {"state": {"a", "b"}},
		"two addresses":  {"redirect_uri": {"http://127.0.0.1/a", "http://127.0.0.1/b"}},
		"no address":     {"redirect_uri": nil},
		"empty address":  {"redirect_uri": {""}},
		"two ids":        {"client_id": {deadID, "other"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.unchanged(t, func() {
				for _, h := range []header{asProgram, asBrowser, {}} {
					a := s.get(c.authorizePath(change), h)
					if a.Status != http.StatusBadRequest || a.Header.Get("Location") != "" || strings.Contains(a.Body, "evil.example") {
						t.Errorf("%d to %q: %s", a.Status, a.Header.Get("Location"), a.brief())
					}
				}
			})
		})
	}
}

// TestReadoptIsNotSilent: a client that is deleted while someone signs in stays
// deleted: the page that they read did not say that it would come back.
func TestReadoptIsNotSilent(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptOpen))
	c := s.register()
	b := s.browser()
	first, consent := b.visit(c.authorizePath()), b.signIn(c)
	c.manageDelete(t)
	s.unchanged(t, func() {
		b.submit(consent, approve).shows(t, http.StatusBadRequest, notRegistered)
		b.submit(first, enter).shows(t, http.StatusForbidden, "This form has expired")
	})
	b.signIn(c).shows(t, http.StatusOK, readoptText) // asked again, and told so
}

// TestReadoptTurnedOff: a sign-in that began when it was allowed does not end when
// it is not.
func TestReadoptTurnedOff(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptKnown))
	c := s.dead(deadID, loopbackRedirect)
	b := s.browser()
	consent := b.signIn(c)
	b.moveTo(s.replica(func(set *server.Config) { set.Readopt = oauth.Readoption{Mode: oauth.ReadoptOff} }))
	b.http.Transport = b.s
	s.unchanged(t, func() { b.submit(consent, approve).shows(t, http.StatusBadRequest, notRegistered) })
}

// TestReadoptUnreadable: a client that is there and does not open is the operator's
// to fix, and not replaced.
func TestReadoptUnreadable(t *testing.T) {
	t.Parallel()
	s := start(t, readopting(oauth.ReadoptOpen))
	c := s.putClient("damaged", func([]byte) []byte { return []byte(`{"__encrypted_data__":"x","__encryption_version__":1}`) }, nil)
	s.unchanged(t, func() { s.browser().visit(c.authorizePath()).shows(t, http.StatusBadRequest, notRegistered) })
}

// parsed is the zero value for what is no redirect URI.
func parsed(uri string) oauth.RedirectURI {
	u, err := oauth.ParseRedirectURI(uri)
	if err != nil {
		return oauth.RedirectURI{}
	}
	return u
}

// TestUnknownClientComesAgain: C-17, C-03. An app that never forgets its ID hears that it is
// unknown once, and then, for an hour, what makes it ask its person to sign in. It does not
// matter which replica it asks.
func TestUnknownClientComesAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e), readopting(oauth.ReadoptKnown))
		other := s.replica(func(*server.Config) {})
		c := s.dead(deadID, loopbackRedirect)
		refresh := func(at *site, status int, code string, headers ...header) {
			t.Helper()
			a := at.form("/token", c.refreshForm("unknown"), headers...)
			a.want(t, status, code)
			if challenge := a.Header.Get("WWW-Authenticate"); (challenge != "") != (status == http.StatusUnauthorized && len(headers) > 0) {
				t.Errorf("challenge %q with %s", challenge, code)
			}
		}
		s.unchanged(t, func() {
			c.exchange(oauth.NewCode()).want(t, http.StatusUnauthorized, "invalid_client") // no refresh
			c.refresh("").want(t, http.StatusUnauthorized, "invalid_client")
			s.form("/revoke", url.Values{"client_id": {deadID}, "token": {"x"}}).want(t, http.StatusUnauthorized, "invalid_client")
			c.refresh("x", url.Values{"client_id": {"https://app.example/client.json/" + big(200)}}).want(t, http.StatusUnauthorized, "invalid_client")
		})
		refresh(s, http.StatusUnauthorized, "invalid_client")
		refresh(other, http.StatusBadRequest, "invalid_grant")
		refresh(s, http.StatusBadRequest, "invalid_grant", basic(deadID, "secret"))
		c.exchange(oauth.NewCode()).want(t, http.StatusUnauthorized, "invalid_client")
		s.clock.advance(59 * time.Minute)
		refresh(s, http.StatusBadRequest, "invalid_grant")
		s.clock.advance(time.Hour)
		refresh(s, http.StatusUnauthorized, "invalid_client", basic(deadID, ""))
		refresh(s, http.StatusBadRequest, "invalid_grant")
		if dump := s.dump(); strings.Contains(dump, deadID) {
			t.Error("the ID is stored in clear")
		}

		b := s.browser()
		p := b.signIn(c)
		tokensOf(t, c.exchange(b.submit(p, approve).target(t, c.redirect).Get("code")))
		refresh(s, http.StatusBadRequest, "invalid_grant") // known now

		off := s.replica(func(set *server.Config) { set.Readopt.Mode = oauth.ReadoptOff })
		c = s.dead(deadID+"-2", loopbackRedirect)
		refresh(off, http.StatusUnauthorized, "invalid_client")
		refresh(off, http.StatusUnauthorized, "invalid_client")
	})
}
