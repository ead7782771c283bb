package server_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity/oidctest"
)

// TestAdminAuthenticates: what counts is when the provider authenticated the administrator, not
// when its session signed them in here. Before a change, a provider whose session is older, or
// that does not say, is asked to authenticate them again; without that, nothing changes.
func TestAdminAuthenticates(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		says   oidctest.AuthTime
		silent bool // its session is always enough
	}{
		"says so": {says: oidctest.AuthTimeAlways}, "says so if asked": {says: oidctest.AuthTimeIfAsked}, "never says so": {},
		"does not authenticate again": {says: oidctest.AuthTimeAlways, silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider := oidctest.Plain()
			provider.AuthTime, provider.IgnoresMaxAge = tt.says, tt.silent
			s, op := oidcSite(t, provider)
			op.Advance(s.clock.Now().Sub(op.Now()))
			op.SignInAs("a1")
			later := func(d time.Duration) {
				s.clock.advance(d)
				op.Advance(d)
			}
			c := s.register(map[string]any{"client_name": "Gone"})
			later(time.Hour)
			b := s.browser()
			b.throughOIDC(op, b.visit("/admin/apps"), nil).shows(t, http.StatusOK, "Gone")
			path := "/admin/apps/delete?client=" + c.id
			asked := b.visit(path)
			asked.shows(t, http.StatusOK, "Sign in again")
			stripped := b.throughOIDC(op, asked, url.Values{"again": nil}) // by someone at the keyboard
			stripped.shows(t, http.StatusOK, "Sign in again")
			if op.Asked().Has("max_age") {
				t.Error("the first sign-in has to authenticate")
			}
			page := b.throughOIDC(op, stripped, nil)
			if op.Asked().Get("max_age") != "0" {
				t.Errorf("asked with %v", op.Asked())
			}
			if tt.silent {
				page.shows(t, http.StatusOK, "Sign in again")
				return
			}
			page.shows(t, http.StatusOK, "Delete this app?")
			later(15 * time.Minute)
			b.visit(path).shows(t, http.StatusOK, "Sign in again")
		})
	}
}

// throughOIDC submits the form of a page and comes back from the provider.
func (b *browser) throughOIDC(op *oidctest.Server, p page, fields url.Values) page {
	b.s.Helper()
	action, hidden := p.form(b.s)
	still := *b
	still.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	left := still.open(http.MethodPost, b.s.config.BaseURL+action, changed(hidden, fields))
	return b.at(op.Browse(b.s, left.Header.Get("Location")))
}
