package metrics_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// counters are the families of which every series is compared: what a client does moves these
// and no others. Requests of the test itself and steps at the database are not among them.
var counters = []string{
	"mcpkeep_registrations_total", "mcpkeep_authorizations_total", "mcpkeep_sign_ins_total", "mcpkeep_tokens_issued_total",
	"mcpkeep_refreshes_total", "mcpkeep_clients_unknown_total", "mcpkeep_clients_readopted_total", "mcpkeep_sessions_adopted_total",
	"mcpkeep_outage_requests_total", "mcpkeep_unreadable_rows_total", "mcpkeep_upstream_calls_total", "mcpkeep_tool_calls_total",
	"mcpkeep_requests_total",
}

// TestLife: each step of a client moves each counter by the exact number.
func TestLife(t *testing.T) {
	t.Parallel()
	for _, e := range harness.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			opts := e.Options(t)
			opts.Env = append(opts.Env, "MCPKEEP_READOPT=known")
			s := start(t, opts)
			c, b := harness.NewClient(s.URL, nil), harness.NewBrowser(nil)
			before := s.samples(t.Context(), t)
			step := func(what string, want map[string]float64, do func() error) {
				t.Helper()
				if err := do(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				after := s.samples(t.Context(), t)
				compare(t, what, before, after, want)
				before = after
			}
			step("register", map[string]float64{
				`registrations_total{outcome="created"}`: 1, `requests_total{route="register",status="2xx"}`: 1,
			}, func() error { return c.Register(t.Context()) })
			step("sign in", map[string]float64{
				`requests_total{route="authorize",status="2xx"}`: 1, `authorizations_total{outcome="shown"}`: 1,
				`requests_total{route="authorize",status="3xx"}`: 1, `sign_ins_total{outcome="ok"}`: 1,
				`requests_total{route="consent",status="2xx"}`: 1, `requests_total{route="consent",status="3xx"}`: 1,
				`authorizations_total{outcome="granted"}`:              1,
				`tokens_issued_total{grant_type="authorization_code"}`: 1, `requests_total{route="token",status="2xx"}`: 1,
			}, func() error { return signIn(t, c, b) })
			step("refresh", map[string]float64{
				`refreshes_total{outcome="ok"}`: 1, `tokens_issued_total{grant_type="refresh_token"}`: 1,
				`requests_total{route="token",status="2xx"}`: 1,
			}, func() error { return c.Refresh(t.Context()) })
			step("call", map[string]float64{
				`requests_total{route="mcp",status="2xx"}`:              1,
				`upstream_calls_total{upstream="mcpkeep",outcome="ok"}`: 1, `tool_calls_total{upstream="mcpkeep",tool="whoami",outcome="ok"}`: 1,
			}, func() error { _, err := c.Call(t.Context(), "whoami"); return err })
			step("call without a token", map[string]float64{`requests_total{route="mcp",status="4xx"}`: 1}, func() error {
				other := harness.NewClient(s.URL, nil)
				_, err := other.Call(t.Context(), "whoami")
				return status(err, http.StatusUnauthorized)
			})
			step("wrong password", map[string]float64{
				`registrations_total{outcome="created"}`: 1, `requests_total{route="register",status="2xx"}`: 1,
				`requests_total{route="authorize",status="2xx"}`: 1, `authorizations_total{outcome="shown"}`: 1,
				`requests_total{route="authorize",status="4xx"}`: 1, `sign_ins_total{outcome="refused"}`: 1,
			}, func() error { _, err := harness.WrongPassword(t.Context(), s.URL); return err })
			step("refresh of an unknown client", map[string]float64{
				`refreshes_total{outcome="unknown"}`: 1, `clients_unknown_total{endpoint="token"}`: 1,
				`requests_total{route="token",status="4xx"}`: 1,
			}, func() error {
				other := harness.NewClient(s.URL, nil)
				other.ID, other.RefreshToken = "gone", c.RefreshToken
				return status(other.Refresh(t.Context()), http.StatusUnauthorized)
			})
			step("sign in of an unknown client", map[string]float64{
				`clients_unknown_total{endpoint="authorize"}`: 1, `clients_readopted_total`: 1,
				`requests_total{route="authorize",status="2xx"}`: 1, `authorizations_total{outcome="shown"}`: 1,
				`requests_total{route="authorize",status="3xx"}`: 1, `sign_ins_total{outcome="ok"}`: 1,
				`requests_total{route="consent",status="2xx"}`: 1, `requests_total{route="consent",status="3xx"}`: 1,
				`authorizations_total{outcome="granted"}`:              1,
				`tokens_issued_total{grant_type="authorization_code"}`: 1, `requests_total{route="token",status="2xx"}`: 1,
			}, func() error {
				other := harness.NewClient(s.URL, nil)
				other.ID = "lost"
				return signIn(t, other, harness.NewBrowser(nil))
			})
			step("sign in at the page of connections", map[string]float64{
				`requests_total{route="other",status="2xx"}`: 2, `requests_total{route="other",status="3xx"}`: 1, `sign_ins_total{outcome="ok"}`: 1,
			}, func() error {
				page, err := b.Open(t.Context(), s.URL+"/connections")
				if err == nil {
					_, err = b.Submit(t.Context(), page)
				}
				return err
			})
			step("revoke", map[string]float64{`requests_total{route="revoke",status="2xx"}`: 1},
				func() error { return c.Revoke(t.Context(), c.RefreshToken) })
			step("refresh after that", map[string]float64{
				`refreshes_total{outcome="invalid"}`: 1, `requests_total{route="token",status="4xx"}`: 1,
			}, func() error { return status(c.Refresh(t.Context()), http.StatusBadRequest) })
			events(t, before)
		})
	}
}

// events checks the events of the life. Those of calls are written a second later.
func events(t *testing.T, samples map[string]float64) {
	t.Helper()
	for eventType, want := range map[string]float64{
		"client_registered": 2, "client_readopted": 1, "grant_created": 2, "tokens_issued": 2, "tokens_refreshed": 1,
		"sign_in_refused": 1, "key_recorded": 1, "password_set": 1, "code_reuse": 0,
	} {
		if got := samples[`mcpkeep_events_total{type="`+eventType+`"}`]; got != want && eventType != "key_recorded" {
			t.Errorf("%v events %s, want %v", got, eventType, want)
		}
	}
}

// compare reports each counter that did not move as wanted.
func compare(t *testing.T, what string, before, after, want map[string]float64) {
	t.Helper()
	for series := range after {
		family, _, _ := strings.Cut(series, "{")
		moved, expected := after[series]-before[series], want[strings.TrimPrefix(series, "mcpkeep_")]
		for _, f := range counters {
			if f == family && moved != expected {
				t.Errorf("%s: %s moved by %v, want %v", what, series, moved, expected)
			}
		}
	}
	for series := range want {
		if _, there := after["mcpkeep_"+series]; !there {
			t.Errorf("%s: no mcpkeep_%s", what, series)
		}
	}
}

func signIn(t *testing.T, c *harness.Client, b *harness.Browser) error {
	t.Helper()
	answer, err := b.Visit(t.Context(), c.AuthorizeURL())
	if err != nil {
		return err
	}
	code, err := c.Code(answer)
	if err != nil {
		return err
	}
	return c.Exchange(t.Context(), code)
}

// status returns nil if an error is about this status.
func status(err error, want int) error {
	if harness.StatusOf(err) == want {
		return nil
	}
	return err
}
