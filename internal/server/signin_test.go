package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestSignIn is the whole way of the local provider: AS-01, AS-16, 6749-08, C-12.
// (9700-08)
func TestSignIn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		clients := map[string]*client{
			"AS-01 public":       s.register(),
			"AS-01 confidential": s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"}),
			"C-12 custom scheme": s.register(map[string]any{"redirect_uris": []string{"cursor://anysphere.cursor-mcp/oauth/callback"}}),
			"6749-05 with query": s.register(map[string]any{"redirect_uris": []string{"https://app.example/cb?tenant=a%20b&iss=evil&state=evil"}}),
			"FastMCP's":          s.putClient("fm", s.sealed, nil),
		}
		for name, c := range clients {
			t.Run(name, func(t *testing.T) {
				b := s.browser()
				p := b.signIn(c)
				p.shows(t, http.StatusOK, "Not verified by this server")
				for _, text := range []string{resource, "Stay signed in"} {
					p.shows(t, http.StatusOK, text) // 8707-08, 7591-12
				}
				back := b.submit(p, approve)
				if back.Status != http.StatusFound || back.Body != "" {
					t.Errorf("C-12: %d %q", back.Status, back.Body)
				}
				before, _, _ := strings.Cut(c.redirect, "?")
				q := back.target(t, before+"?")
				if q.Get("state") != "state-of-the-client" || len(q["state"]) != 1 || len(q["iss"]) != 1 || q.Get("iss") != base {
					t.Errorf("9207-03, 6749-07: %v", q)
				}
				if strings.Contains(c.redirect, "tenant") && q.Get("tenant") != "a b" {
					t.Errorf("6749-05: %v", q)
				}
				got := tokensOf(t, c.exchange(q.Get("code")))
				s.wantAccess(t, got.access, true)
			})
		}
	})
}

// TestOperatorsClient: an app that an operator registered is vouched for.
func TestOperatorsClient(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register(map[string]any{"client_name": "Claude"})
	row, err := s.store.Client(t.Context(), c.id)
	if err != nil {
		t.Fatal(err)
	}
	row.ID, row.Origin, c.id = "desk", storage.OriginOperator, "desk"
	if err := s.store.CreateClient(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	p := s.browser().signIn(c)
	p.shows(t, http.StatusOK, "Verified by this server", "Its operator vouches for this app")
	if strings.Contains(p.Body, "Not verified") || strings.Contains(p.Body, "calls itself") {
		t.Error(p.brief())
	}
}

// TestState: 6749-08. It comes back byte by byte, with success and with errors.
func TestState(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	for _, state := range []string{
		"a+b%20c=d/e?f&g#h", " space ", "%00%ff", "%2B", `"'<>\`, "ünïcödé 界", strings.Repeat("x", 4096), "a;b", "+", "",
	} {
		change := url.Values{"state": {state}}
		b := s.browser()
		approved := b.submit(b.signIn(c, change), approve).target(t, c.redirect)
		b = s.browser()
		denied := b.submit(b.signIn(c, change), deny).target(t, c.redirect)
		failed := s.get(c.authorizePath(change, url.Values{"response_type": {"x"}})).target(t, c.redirect)
		for name, q := range map[string]url.Values{"success": approved, "denial": denied, "error": failed} {
			if q.Get("state") != state || q.Has("state") != (state != "") {
				t.Errorf("%s: state %q came back as %q", name, state, q["state"])
			}
		}
	}
	for _, state := range []string{"\xff", "\x00", "a\nb", "\r", "\t", "\x7f"} {
		s.get(c.authorizePath(url.Values{"state": {state}}), asProgram).want(t, http.StatusBadRequest, "invalid_request")
	}
}

// TestDeny: the client learns of it, and the answer is final.
func TestDeny(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	b := s.browser()
	p := b.signIn(c)
	q := b.submit(p, deny).target(t, c.redirect)
	if q.Get("error") != "access_denied" || q.Get("code") != "" || q.Get("iss") != base {
		t.Errorf("got %v", q)
	}
	b.submit(p, approve).shows(t, http.StatusOK, "You may close this window", "If it is still waiting, go back to it")
}

// TestFinishedTwice: a second answer, reload or click changes nothing.
func TestFinishedTwice(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	b := s.browser()
	p := b.signIn(c)
	code := b.submit(p, approve).target(t, c.redirect).Get("code")
	s.unchanged(t, func() {
		for _, again := range []url.Values{approve, deny} {
			b.submit(p, again).shows(t, http.StatusOK, "You may close this window")
		}
		b.open(http.MethodGet, p.at.String(), nil).shows(t, http.StatusOK, "You may close this window")
	})
	tokensOf(t, c.exchange(code))
}

// TestPages that are loaded more than once, in tabs, or out of order (A6).
func TestReloads(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	b := s.browser()
	var first page
	s.unchanged(t, func() {
		first = b.visit(c.authorizePath())
		for range 2 {
			b.visit(c.authorizePath())
		}
	})
	consent := b.submit(first, enter)
	other := b.submit(b.visit(c.authorizePath(url.Values{"state": {"another tab"}})), enter)
	for range 2 {
		b.open(http.MethodGet, consent.at.String(), nil).shows(t, http.StatusOK, "Approve")
	}
	for p, state := range map[*page]string{&consent: "state-of-the-client", &other: "another tab"} {
		if q := b.submit(*p, approve).target(t, c.redirect); q.Get("state") != state || q.Get("code") == "" {
			t.Errorf("got %v", q)
		}
	}
}

// TestSignInExpires: the sign-in ends after 15 minutes, on the second.
func TestSignInExpires(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	b := s.browser()
	for age, alive := range map[time.Duration]bool{15*time.Minute - time.Second: true, 15 * time.Minute: false} {
		p := b.signIn(c)
		s.clock.advance(age)
		if alive {
			b.submit(p, approve).target(t, c.redirect)
			continue
		}
		s.unchanged(t, func() {
			b.submit(p, approve).shows(t, http.StatusBadRequest, "expired")
			b.open(http.MethodGet, p.at.String(), nil).shows(t, http.StatusBadRequest, "expired")
		})
	}
}

// TestPassword: no one gets on without it, and guessing is slowed down.
func TestPassword(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s := start(t, on(e))
		c := s.register()
		b := s.browser()
		p := b.visit(c.authorizePath())
		wrong := func(text string) page { return b.submit(p, url.Values{"password": {text}}) }
		for i, text := range []string{"", "wrong", password + " ", strings.ToUpper(password), big(10_000)} {
			got := wrong(text)
			got.shows(t, http.StatusForbidden, "password is incorrect")
			if strings.Contains(got.Body, "wrong") && i == 1 {
				t.Error("the page repeats the password")
			}
		}
		for range 2 {
			wrong("wrong")
		}
		throttled := wrong(password)
		throttled.shows(t, http.StatusTooManyRequests, "Too many attempts")
		if after := throttled.Header.Get("Retry-After"); after != "5" {
			t.Errorf("Retry-After %q", after)
		}
		wantGuesses(t, s, 5)
		s.clock.advance(5 * time.Second)
		b.submit(throttled, enter).shows(t, http.StatusOK, "Approve")
		wrong("wrong").shows(t, http.StatusForbidden, "password is incorrect")
		wrong(password).shows(t, http.StatusOK, "Approve")
	})
}

// wantGuesses fails the test unless the audit trail has so many wrong passwords of the owner, and
// some attempts that were refused unseen.
func wantGuesses(t *testing.T, s *site, wrong int) {
	t.Helper()
	events, err := s.store.ListEvents(t.Context(), storage.EventFilter{}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	users, throttled := map[string]bool{}, 0
	for _, e := range events {
		switch e.Type {
		case storage.EventSignInRefused:
			wrong--
		case storage.EventSignInThrottled:
			throttled++
		default:
			continue
		}
		if e.Actor != storage.ActorPerson || e.Reference == "" || e.Detail == "" {
			t.Errorf("%+v", e)
		}
		users[e.UserID] = true
	}
	if wrong != 0 || throttled < 1 || len(users) != 1 || users[""] {
		t.Errorf("%d events of wrong passwords are missing, %d of throttled ones, users %v", wrong, throttled, users)
	}
}

// TestParametersCannotBeSwapped: B1, B2. The form is checked like the request.
func TestParametersCannotBeSwapped(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	evil := s.register(map[string]any{"redirect_uris": []string{"https://evil.example/cb"}})
	b := s.browser()
	p := b.visit(c.authorizePath())
	tests := map[string]struct {
		change url.Values
		status int
	}{
		"redirect_uri":   {url.Values{"redirect_uri": {"https://evil.example/cb"}}, http.StatusBadRequest},
		"other port":     {url.Values{"redirect_uri": {"http://127.0.0.1:1/callback"}}, http.StatusForbidden},
		"client":         {url.Values{"client_id": {evil.id}, "redirect_uri": {evil.redirect}}, http.StatusForbidden},
		"unknown client": {url.Values{"client_id": {"c_unknown"}}, http.StatusBadRequest},
		"scope":          {url.Values{"scope": {"mcp"}}, http.StatusForbidden},
		"state":          {url.Values{"state": {"other"}}, http.StatusForbidden},
		"challenge":      {url.Values{"code_challenge": {oauth.Challenge("other")}}, http.StatusForbidden},
		"no challenge":   {url.Values{"code_challenge": nil}, http.StatusBadRequest},
		"resource":       {url.Values{"resource": {"https://other.example/"}}, http.StatusBadRequest},
		"repeated":       {url.Values{"state": {"a", "b"}}, http.StatusBadRequest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s.unchanged(t, func() {
				if got := b.submit(p, changed(enter, tt.change)); got.Status != tt.status {
					t.Errorf("got %d, want %d\n%s", got.Status, tt.status, got.brief())
				}
			})
		})
	}
}
