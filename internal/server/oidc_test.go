package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// oidcSite is a site where those of the domain example.com and of the group staff may
// sign in; Alice is signed in at the provider.
func oidcSite(t *testing.T, p oidctest.Provider, options ...func(*setup)) (*site, *oidctest.Server) {
	t.Helper()
	op := oidctest.New(t, p)
	op.AddPerson(oidctest.Claims{"sub": "a1", "preferred_username": "alice", "email": "alice@example.com", "email_verified": true})
	op.AddPerson(oidctest.Claims{"sub": "b2", "preferred_username": "bob", "email": "bob@evil.example", "email_verified": true})
	op.SignInAs("a1")
	policy := identity.Policy{Domains: []string{"example.com"}, Groups: []string{"staff"}, Admins: []string{"alice@example.com"}}
	return start(t, append([]func(*setup){onOIDC(t, op, policy)}, options...)...), op
}

func onOIDC(t *testing.T, op *oidctest.Server, policy identity.Policy) func(*setup) {
	t.Helper()
	provider, err := identity.NewOIDC(identity.OIDCConfig{
		Issuer: op.At, ClientID: op.ClientID, ClientSecret: op.ClientSecret, Groups: policy.NeedsGroups(), Now: op.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(set *setup) { set.Provider, set.Policy = provider, policy }
}

// upToOIDC approves and returns the callback's URL, which the browser does not open.
func (b *browser) upToOIDC(c *client, op *oidctest.Server) *url.URL {
	b.s.Helper()
	_, fields := b.visit(c.authorizePath()).form(b.s)
	still := *b
	still.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p := still.open(http.MethodPost, b.s.config.BaseURL+"/consent", changed(fields, approve))
	return op.Browse(b.s, p.Header.Get("Location"))
}

// TestOIDC is the whole way, with every kind of provider that differs on it.
func TestOIDC(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]oidctest.Provider{"plain": oidctest.Plain(), "bare": oidctest.Bare(), "panva": oidctest.Panva(), "dex": oidctest.Dex()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
				s, op := oidcSite(t, p, on(e))
				c := s.register()
				page := s.browser().visit(c.authorizePath())
				page.shows(t, http.StatusOK, "you continue to <strong><bdi>"+strings.TrimPrefix(op.Issuer, "http://")+"</bdi></strong>")
				if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http://127.0.0.1:33418 http:;") {
					t.Errorf("C-11: policy %q", policy)
				}
				got := s.connectAs(c)
				for range 3 {
					got = tokensOf(t, c.refresh(got.refresh))
				}
				s.wantAccess(t, got.access, true)
				if whoami := s.callTool(got.access, "whoami", "{}"); !strings.Contains(whoami.Body, "alice@example.com") || !strings.Contains(whoami.Body, `"admin":true`) {
					t.Errorf("whoami: %s", whoami.Body)
				}
				dump := s.dump()
				for _, secret := range append(op.Tokens(), "alice", op.ClientSecret) {
					if strings.Contains(dump, secret) {
						t.Errorf("AS-20: the database holds %q in the clear", secret)
					}
				}
			})
		})
	}
}

// TestOIDCRecheck: AS-25, C8. Only a definite no ends a session.
func TestOIDCRecheck(t *testing.T) {
	t.Parallel()
	claims := func(c oidctest.Claims) func(*oidctest.Server) {
		return func(op *oidctest.Server) { op.AddPerson(c) }
	}
	tests := map[string]struct {
		event func(*oidctest.Server)
		ends  bool
	}{
		"AS-25 removed":         {func(op *oidctest.Server) { op.RemovePerson("a1") }, true},
		"AS-25 left the domain": {claims(oidctest.Claims{"sub": "a1", "email": "alice@home.example", "email_verified": true}), true},
		"AS-25 not verified":    {claims(oidctest.Claims{"sub": "a1", "email": "alice@example.com", "email_verified": false}), true},
		"by group instead":      {claims(oidctest.Claims{"sub": "a1", "groups": []string{"staff"}}), false},
		"A14 another subject": {func(op *oidctest.Server) {
			op.Change(func(c oidctest.Claims) { c["sub"], c["groups"] = "b2", []string{} })
		}, true},
		"C8 down":              {func(op *oidctest.Server) { op.SetFault(oidctest.ServiceUnavailable) }, false},
		"C8 token endpoint":    {func(op *oidctest.Server) { op.SetFault(oidctest.ServiceUnavailable, oidctest.Token) }, false},
		"C8 keys":              {func(op *oidctest.Server) { op.RotateKey(); op.SetFault(oidctest.HTMLPage, oidctest.Keys) }, false},
		"C8 answer lost":       {func(op *oidctest.Server) { op.SetFault(oidctest.AnswerLost, oidctest.Token) }, false},
		"C8 forged ID token":   {func(op *oidctest.Server) { op.Change(func(c oidctest.Claims) { c["aud"] = "x" }) }, false},
		"C8 hangs":             {func(op *oidctest.Server) { op.Advance(time.Minute); op.Hang() }, false},
		"the secret was wrong": {func(op *oidctest.Server) { op.ClientSecret = "changed" }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, op := oidcSite(t, oidctest.Plain())
			c := s.register()
			got := s.connectAs(c)
			tt.event(op)
			a := c.refresh(got.refresh)
			if tt.ends {
				a.want(t, http.StatusBadRequest, "invalid_grant")
				s.wantAccess(t, got.access, false)
				if log := s.log.String(); !strings.Contains(log, "user is no longer allowed") || strings.Contains(log, "alice@") {
					t.Errorf("the log does not say so, or names the email address:\n%s", log)
				}
				return
			}
			s.wantAccess(t, tokensOf(t, a).access, true)
		})
	}
}

// TestOIDCCallback: A7, A8, RFC 9207. Answers that do not belong here.
func TestOIDCCallback(t *testing.T) {
	t.Parallel()
	t.Run("another browser", func(t *testing.T) {
		t.Parallel()
		s, op := oidcSite(t, oidctest.Panva())
		c := s.register()
		mine := s.browser()
		back := mine.upToOIDC(c, op)
		s.unchanged(t, func() {
			for name, b := range map[string]*browser{"empty": s.browser(), "with a cookie": s.browser()} {
				if name != "empty" {
					b.visit(c.authorizePath())
				}
				b.at(back).shows(t, http.StatusForbidden, "This form has expired")
			}
		})
		if op.Calls(oidctest.Token) != 0 {
			t.Error("the code was sent to the provider")
		}
		tokensOf(t, c.exchange(mine.at(back).target(t, c.redirect).Get("code")))
		mine.at(back).shows(t, http.StatusOK, "You may close this window")
	})
	t.Run("another provider's state", func(t *testing.T) {
		t.Parallel()
		s, op := oidcSite(t, oidctest.Panva())
		other := oidctest.New(t, oidctest.Panva())
		c, b := s.register(), s.browser()
		back := b.upToOIDC(c, op)
		moved := s.replica(func(cfg *server.Config) {
			var set setup
			onOIDC(t, other, identity.Policy{AllowAnyone: true})(&set)
			cfg.Provider = set.Provider
		})
		b.s, b.http.Transport = moved, moved
		s.unchanged(t, func() { b.at(back).shows(t, http.StatusBadRequest, "expired") })
		if other.Calls(oidctest.Token) != 0 {
			t.Error("one provider's code was sent to another")
		}
	})
	for name, change := range map[string]url.Values{
		"A8 iss of another issuer":         {"iss": {"https://evil.example.com"}},
		"A8 iss is missing":                {"iss": nil},
		"A8 an error of another issuer":    {"iss": {"https://evil.example.com"}, "code": nil, "error": {"temporarily_unavailable"}},
		"unknown code":                     {"code": {"guessed"}},
		"canceled":                         {"code": nil, "error": {"access_denied"}},
		"the provider wants it done again": {"code": nil, "error": {"login_required"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, op := oidcSite(t, oidctest.Panva())
			c, b := s.register(), s.browser()
			back := b.upToOIDC(c, op)
			back.RawQuery = changed(back.Query(), change).Encode()
			if q := b.at(back).target(t, c.redirect); q.Get("error") != "access_denied" || q.Get("code") != "" {
				t.Errorf("got %v", q)
			}
			if strings.HasPrefix(name, "A8") && op.Calls(oidctest.Token) != 0 {
				t.Error("the code was sent to the provider")
			}
			b.at(back).shows(t, http.StatusOK, "sign-in is complete")
		})
	}
	t.Run("another sign-in's code", func(t *testing.T) {
		t.Parallel()
		s, op := oidcSite(t, oidctest.Panva())
		c, victim, attacker := s.register(), s.browser(), s.browser()
		stolen := attacker.upToOIDC(c, op).Query().Get("code")
		back := victim.upToOIDC(c, op)
		back.RawQuery = changed(back.Query(), url.Values{"code": {stolen}}).Encode()
		if q := victim.at(back).target(t, c.redirect); q.Get("error") != "access_denied" {
			t.Errorf("got %v", q) // PKCE
		}
	})
}

// TestProviderAwayOrMisconfigured: what a person sees, and that nothing is lost.
func TestProviderAwayOrMisconfigured(t *testing.T) {
	t.Parallel()
	t.Run("away before the sign-in", func(t *testing.T) {
		t.Parallel()
		s, op := oidcSite(t, oidctest.Plain())
		op.SetFault(oidctest.ServiceUnavailable)
		c, b := s.register(), s.browser()
		first := b.visit(c.authorizePath())
		b.submit(first, approve).shows(t, http.StatusServiceUnavailable, "Not available right now")
		op.SetFault(oidctest.Healthy)
		op.Advance(3 * time.Second)
		tokensOf(t, c.exchange(b.submit(first, approve).target(t, c.redirect).Get("code")))
	})
	t.Run("wrong issuer", func(t *testing.T) {
		t.Parallel()
		s, op := oidcSite(t, oidctest.Plain())
		s.defects = true
		op.SetDocument("issuer", "https://other.example.com")
		c, b := s.register(), s.browser()
		p := b.submit(b.visit(c.authorizePath()), approve)
		p.shows(t, http.StatusInternalServerError, "Sign-in is not set up correctly")
		if strings.Contains(p.Body, "other.example.com") || !strings.Contains(s.log.String(), "other.example.com") {
			t.Error("the cause belongs into the log and not on the page")
		}
	})
	t.Run("wrong secret", func(t *testing.T) {
		t.Parallel()
		s, op := oidcSite(t, oidctest.Plain())
		s.defects = true
		c, b := s.register(), s.browser()
		back := b.upToOIDC(c, op)
		op.ClientSecret = "changed"
		b.at(back).shows(t, http.StatusInternalServerError, "Sign-in is not set up correctly")
	})
}

// TestAnotherAccountAfterRefusal: who was refused says which account, and another one
// may be used without the client starting again, in this browser only, and once.
func TestAnotherAccountAfterRefusal(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		s, op := oidcSite(t, oidctest.Panva(), on(e))
		c, b := s.register(), s.browser()
		op.SignInAs("b2")
		p := b.approveAt(c)
		p.shows(t, http.StatusForbidden, "<bdi>bob</bdi>")
		p.shows(t, http.StatusForbidden, "at <bdi>"+strings.TrimPrefix(op.Issuer, "http://")+"</bdi>")
		if strings.Contains(p.Body, "example.com</") && strings.Contains(p.Body, "staff") {
			t.Error("the page tells who may sign in")
		}
		again, err := url.Parse(p.links(t)["Use another account"])
		if err != nil || !strings.HasPrefix(again.String(), op.Issuer) {
			t.Fatalf("the link leads to %v, %v", again, err)
		}
		if q := again.Query(); !strings.Contains(q.Get("prompt"), "login") || q.Get("nonce") == "" || q.Get("code_challenge") == "" {
			t.Errorf("the link asks for %v", q)
		}
		s.log.secret(again.Query().Get("state"))

		p = b.at(again)
		p.shows(t, http.StatusForbidden, "<bdi>bob</bdi>") // the same one again
		again, _ = url.Parse(p.links(t)["Use another account"])

		op.SignInAs("a1")
		back := op.Browse(t, again.String())
		s.unchanged(t, func() {
			s.browser().at(back).shows(t, http.StatusForbidden, "This form has expired")
		})
		q := b.at(back).target(t, c.redirect)
		if q.Get("state") != "state-of-the-client" || q.Get("iss") != base {
			t.Errorf("got %v", q)
		}
		s.wantAccess(t, tokensOf(t, c.exchange(q.Get("code"))).access, true)
		b.at(op.Browse(t, again.String())).shows(t, http.StatusOK, "sign-in is complete") // once
	})
}

// TestAnotherAccountExpires: the second sign-in lives as long as a first one.
func TestAnotherAccountExpires(t *testing.T) {
	t.Parallel()
	s, op := oidcSite(t, oidctest.Plain())
	c, b := s.register(), s.browser()
	op.SignInAs("b2")
	again := b.approveAt(c).links(t)["Use another account"]
	op.SignInAs("a1")
	s.clock.advance(15 * time.Minute)
	b.at(op.Browse(t, again)).shows(t, http.StatusBadRequest, "expired")
}

// TestAnotherAccountAfterDeletion: a client that was deleted meanwhile gets nothing.
func TestAnotherAccountAfterDeletion(t *testing.T) {
	t.Parallel()
	s, op := oidcSite(t, oidctest.Plain())
	c, b := s.register(), s.browser()
	op.SignInAs("b2")
	again := b.approveAt(c).links(t)["Use another account"]
	op.SignInAs("a1")
	if err := s.store.DeleteClient(t.Context(), c.id, s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	b.at(op.Browse(t, again)).shows(t, http.StatusBadRequest, "not registered")
}
