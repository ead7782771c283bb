package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// takeover is a site that took the place of a FastMCP server.
type takeover struct {
	*site
	gh     *githubtest.Server
	python fastmcptest.Deployment
	client *client // registered there
	table  string  // of FastMCP's own, "" if it uses oauth_clients
}

// takeOver starts a site on the database of a FastMCP server where octocat may sign in.
func takeOver(t *testing.T, options ...func(*setup)) *takeover {
	t.Helper()
	verifier := &fastmcp.Verifier{
		Keys: []fastmcp.SigningKey{fastmcp.KeyOfClientSecret(fastmcptest.Secret)}, Issuers: []string{base, base + "/"}, Audiences: []string{resource},
	}
	s, gh := gitHubSite(t, append(options, func(set *setup) { set.FastMCP = verifier })...)
	s.clock.advance(time.Since(s.clock.Now())) // FastMCP and GitHub go by the same clock
	w := &takeover{site: s, gh: gh, python: fastmcptest.New(base, s.keys)}
	w.client = s.putClient("python-client", w.seal, map[string]any{"scope": "user"})
	return w
}

func (w *takeover) seal(plaintext []byte) []byte {
	value, err := fastmcp.Seal(w.keys, plaintext)
	if err != nil {
		w.Fatal(err)
	}
	return value
}

// signIn lets someone sign in at FastMCP, with GitHub's token for it.
func (w *takeover) signIn(login string) fastmcptest.Session {
	w.Helper()
	return w.store4(w.python.SignIn(w, w.client.id, w.upstream(login), w.clock.Now()))
}

// store4 stores the rows of a session, of which there are up to four.
func (w *takeover) store4(s fastmcptest.Session) fastmcptest.Session {
	w.Helper()
	for key, value := range s.Rows {
		w.put(key, value)
	}
	w.log.secret(s.Access, s.Refresh)
	return s
}

// put writes a row as FastMCP's store does.
func (w *takeover) put(key string, value json.RawMessage) {
	w.Helper()
	if w.table != "" {
		w.putOwn(key, value)
		return
	}
	dbtest.Exec(w, w.sql, "INSERT INTO oauth_clients (key, value, updated_at) VALUES ($1, $2, '2026-01-02 03:04:05')"+
		" ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, string(value))
}

// has reports whether FastMCP has a row.
func (w *takeover) has(collection, key string) bool {
	w.Helper()
	from, args := w.where(collection, key)
	return dbtest.Value[int64](w, w.sql, "SELECT COUNT(*) FROM "+from, args...) == 1
}

// session reads a session as FastMCP does.
func (w *takeover) session(id string) fastmcp.Session {
	w.Helper()
	from, args := w.where(fastmcp.SessionCollection, id)
	value := dbtest.Value[string](w, w.sql, "SELECT value FROM "+from, args...)
	return fastmcptest.OpenSession(w, w.keys, id, value)
}

// upstream signs someone in at GitHub as FastMCP does.
func (w *takeover) upstream(login string) fastmcptest.Upstream {
	w.Helper()
	provider, ok := w.config.Provider.(identity.RedirectProvider)
	if !ok {
		w.Fatal("not at GitHub")
	}
	request := identity.AuthRequest{State: "state", Verifier: oauth.NewVerifier(), RedirectURI: base + "/auth/callback"}
	at, err := provider.AuthorizeURL(w.Context(), request)
	if err != nil {
		w.Fatal(err)
	}
	back := w.gh.Authorize(w, at, w.gh.SessionCookie(login))
	_, token, err := provider.Exchange(w.Context(), identity.ExchangeRequest{
		Code: back.Query().Get("code"), Verifier: request.Verifier, RedirectURI: request.RedirectURI,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.log.secret(token.AccessToken, token.RefreshToken)
	return fastmcptest.Upstream{AccessToken: token.AccessToken, RefreshToken: token.RefreshToken, ExpiresAt: token.Expiry}
}

// grants are those of octocat.
func (w *takeover) grants() []storage.GrantSummary {
	w.Helper()
	list, err := w.store.FindGrants(context.Background(), storage.GrantFilter{}, "", 100, w.clock.Now())
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// TestAdoption: a client of FastMCP continues with its access token, refreshes, and continues
// with what it got, while no one signs in.
func TestAdoption(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := takeOver(t, on(e))
		w.gh.SetTokenLifetime(8 * time.Hour)
		s := w.signIn("octocat")
		asked := w.gh.Calls("/user")
		w.wantAccess(t, s.Access, true)
		w.wantAccess(t, s.Access, true)
		first := w.client.refresh(s.Refresh)
		got := tokensOf(t, first)
		if n := w.gh.Calls("/user") - asked; n != 1 {
			t.Errorf("GitHub was asked %d times, want once", n)
		}
		if got.scope != "mcp" || !oauth.IsAccessToken(got.access) {
			t.Errorf("got %+v", got)
		}
		w.wantAccess(t, got.access, true)
		w.wantAccess(t, s.Access, true)
		again := tokensOf(t, w.client.refresh(got.refresh))
		w.wantAccess(t, again.access, true)

		list := w.grants()
		if len(list) != 1 || !list[0].Grant.Adopted || list[0].Grant.ClientID != w.client.id || list[0].User.Login != "octocat" ||
			list[0].Grant.CreatedAt.Unix() != w.session(s.ID).CreatedAt.Unix() {
			t.Errorf("listed: %+v", list)
		}
		if w.has(fastmcp.RefreshCollection, fastmcptest.HashKey(s.Refresh)) || w.has(fastmcp.MappingCollection, s.RefreshID) {
			t.Error("FastMCP would take the rotated refresh token")
		}
		if !w.has(fastmcp.MappingCollection, s.AccessID) {
			t.Error("FastMCP would refuse the access token")
		}
	})
}

// TestAdoptionRenews: an expired token of GitHub is renewed once, and FastMCP finds the new
// one in its row.
func TestAdoptionRenews(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := takeOver(t, on(e))
		w.gh.SetTokenLifetime(30 * time.Second) // less than the time that is kept in reserve
		s := w.signIn("octocat")
		renewals := w.gh.Calls("/login/oauth/access_token")
		before := w.session(s.ID)
		got := tokensOf(t, w.client.refresh(s.Refresh))
		after := w.session(s.ID)
		if n := w.gh.Calls("/login/oauth/access_token") - renewals; n != 1 {
			t.Errorf("%d renewals, want 1", n)
		}
		if after.AccessToken == before.AccessToken || after.RefreshToken == before.RefreshToken {
			t.Error("FastMCP holds a spent token")
		}
		w.gh.Advance(time.Hour) // so that the next refresh renews again
		w.clock.advance(2 * time.Minute)
		tokensOf(t, w.client.refresh(got.refresh))
		if last := w.session(s.ID); last.AccessToken == after.AccessToken {
			t.Error("a renewal by a refresh of ours did not reach FastMCP's row")
		}
	})
}

// TestAdoptionFollowsFastMCP: what FastMCP renewed meanwhile counts, as when traffic went
// back to it for a while.
func TestAdoptionFollowsFastMCP(t *testing.T) {
	t.Parallel()
	w := takeOver(t)
	w.gh.SetTokenLifetime(8 * time.Hour)
	s := w.signIn("octocat")
	got := tokensOf(t, w.client.refresh(s.Refresh))
	w.gh.RevokeTokens("octocat") // as a renewal does to the tokens before it
	u := w.upstream("octocat")
	w.put(fastmcp.RowKey(fastmcp.SessionCollection, s.ID), w.python.Row(t, fastmcptest.UpstreamSet(s.ID, w.client.id, u, w.clock.Now())))
	w.clock.advance(2 * time.Hour)
	w.wantAccess(t, s.Access, false) // it lived an hour
	tokensOf(t, w.client.refresh(got.refresh))
}

// TestAdoptionForAYear: a session without refresh token lives as long as its access token,
// and GitHub is asked about its person all the same.
func TestAdoptionForAYear(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := takeOver(t, on(e))
		s := w.signIn("octocat")
		w.wantAccess(t, s.Access, true)
		w.clock.advance(364 * 24 * time.Hour)
		if _, err := w.store.TakeProviderTokens(t.Context(), w.clock.Now(), 10); err != nil {
			t.Fatal(err)
		}
		w.wantAccess(t, s.Access, true)
		if list := w.grants(); len(list) != 1 {
			t.Errorf("%d connections are listed, want 1", len(list))
		}
		w.gh.SetOrgs("octocat")
		w.clock.advance(3 * time.Hour)
		w.wantAccess(t, s.Access, false)
		if w.has(fastmcp.SessionCollection, s.ID) {
			t.Error("FastMCP would still let in who left the organization")
		}
	})
}

// TestAdoptionRace: of any number of first uses, at three replicas, one asks GitHub and one
// makes a grant, and all are served.
func TestAdoptionRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := takeOver(t, on(e))
		w.gh.SetTokenLifetime(30 * time.Second) // to be renewed
		s := w.signIn("octocat")
		asked, renewals := w.gh.Calls("/user"), w.gh.Calls("/login/oauth/access_token")
		replicas := []*site{w.site, w.replica(func(*server.Config) {}), w.replica(func(*server.Config) {})}
		var all sync.WaitGroup
		for i := range 64 {
			at := replicas[i%len(replicas)]
			client := *w.client
			client.s = at
			all.Go(func() {
				if i%2 == 0 {
					if a := served(func() answer { return at.call(s.Access) }); a.Status != http.StatusOK {
						t.Errorf("the token does not work: %d %s", a.Status, a.Body)
					}
					return
				}
				if a := served(func() answer { return client.refresh(s.Refresh) }); a.Status != http.StatusOK {
					t.Errorf("refresh: %d %s", a.Status, a.Body)
				}
			})
		}
		all.Wait()
		if n := w.gh.Calls("/user") - asked; n != 1 {
			t.Errorf("GitHub was asked %d times, want once", n)
		}
		if n := w.gh.Calls("/login/oauth/access_token") - renewals; n != 1 {
			t.Errorf("%d renewals, want 1", n)
		}
		if list := w.grants(); len(list) != 1 {
			t.Errorf("%d grants, want 1", len(list))
		}
	})
}

// TestAdoptedEnds: what is revoked here is over there, whichever way it is revoked.
func TestAdoptedEnds(t *testing.T) {
	t.Parallel()
	ways := map[string]func(t *testing.T, w *takeover, s fastmcptest.Session){
		"grant": func(t *testing.T, w *takeover, _ fastmcptest.Session) {
			if err := w.config.Store.RevokeGrant(t.Context(), w.grants()[0].Grant.ID, w.clock.Now()); err != nil {
				t.Error(err)
			}
		},
		"user's grant": func(t *testing.T, w *takeover, _ fastmcptest.Session) {
			g := w.grants()[0]
			if err := w.store.RevokeUserGrant(t.Context(), g.User.ID, g.Grant.ID, w.clock.Now()); err != nil {
				t.Error(err)
			}
		},
		"client": func(t *testing.T, w *takeover, _ fastmcptest.Session) {
			if err := w.config.Store.DeleteClient(t.Context(), w.client.id, w.clock.Now()); err != nil {
				t.Error(err)
			}
		},
		"grants of a client": func(t *testing.T, w *takeover, _ fastmcptest.Session) {
			if _, err := w.store.RevokeGrants(t.Context(), storage.GrantFilter{ClientID: w.client.id}, 10, w.clock.Now()); err != nil {
				t.Error(err)
			}
		},
		"user disabled": func(t *testing.T, w *takeover, _ fastmcptest.Session) {
			if _, err := w.store.DisableUser(t.Context(), w.grants()[0].User.ID, w.clock.Now()); err != nil {
				t.Error(err)
			}
		},
		"refresh token revoked": func(t *testing.T, w *takeover, s fastmcptest.Session) {
			w.form("/revoke", url.Values{"token": {s.Refresh}, "client_id": {w.client.id}}).want(t, http.StatusOK, "")
		},
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := takeOver(t)
			w.gh.SetTokenLifetime(8 * time.Hour)
			s := w.signIn("octocat")
			w.wantAccess(t, s.Access, true)
			end(t, w, s)
			w.clock.advance(time.Second)
			w.wantAccess(t, s.Access, false)
			if w.has(fastmcp.SessionCollection, s.ID) || w.has(fastmcp.MappingCollection, s.AccessID) {
				t.Error("it continues at FastMCP")
			}
			// FastMCP was just about to write its row again.
			w.put(fastmcp.RowKey(fastmcp.SessionCollection, s.ID), s.Rows[fastmcp.RowKey(fastmcp.SessionCollection, s.ID)])
			if a := w.client.refresh(s.Refresh); a.Status == http.StatusOK {
				t.Error("the session came back")
			}
		})
	}
}

// TestAdoptionLegacy: while the operator says so, a refresh token of 2.13.0 needs no row, if it
// is from before mcpkeep first started; mapping and session decide.
func TestAdoptionLegacy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		until  time.Duration // from now
		issued time.Duration // after the first start
		change func(w *takeover, s fastmcptest.Session)
		works  bool
	}{
		"2.13.0":          {time.Hour, -time.Hour, func(*takeover, fastmcptest.Session) {}, true},
		"issued with it":  {time.Hour, 0, func(*takeover, fastmcptest.Session) {}, true},
		"issued later":    {time.Hour, time.Second, func(*takeover, fastmcptest.Session) {}, false},
		"over":            {0, -time.Hour, func(*takeover, fastmcptest.Session) {}, false},
		"never":           {-time.Hour, -time.Hour, func(*takeover, fastmcptest.Session) {}, false},
		"without mapping": {time.Hour, -time.Hour, func(w *takeover, s fastmcptest.Session) { w.drop(fastmcp.MappingCollection, s.RefreshID) }, false},
		"without session": {time.Hour, -time.Hour, func(w *takeover, s fastmcptest.Session) { w.drop(fastmcp.SessionCollection, s.ID) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := takeOver(t)
			first := time.Unix(dbtest.Value[int64](t, w.sql, "SELECT MIN(created_at) FROM mcpkeep_encryption_keys"), 0)
			w.config.LegacyUntil = w.clock.Now().Add(c.until)
			w.serve()
			w.gh.SetTokenLifetime(8 * time.Hour)
			s := w.store4(w.python.SignIn(w, w.client.id, w.upstream("octocat"), first.Add(c.issued)))
			w.drop(fastmcp.RefreshCollection, fastmcptest.HashKey(s.Refresh))
			c.change(w, s)
			w.present(t, "refresh", s, !c.works)
			if c.works {
				w.present(t, "refresh", s, false) // the answer was lost
				w.clock.advance(25 * time.Hour)
				w.present(t, "refresh", s, true)
			}
		})
	}
}

// TestClientOfFastMCP: a client that registered there signs in here, with the scope that it
// always asked for and with the redirect URI as it registered it, which FastMCP rewrote.
func TestClientOfFastMCP(t *testing.T) {
	t.Parallel()
	for requested, matches := range map[string]bool{
		"https://app.example.com": true, "https://app.example.com/": true, "https://APP.example.com:443": true,
		"https://app.example.com/other": false, "https://app.example.org": false, "http://app.example.com": false,
	} {
		w := takeOver(t)
		c := w.putClient("rewritten", w.seal, map[string]any{"redirect_uris": []string{"https://app.example.com/"}, "scope": "user"})
		c.redirect = requested
		p := w.browser().visit(c.authorizePath(url.Values{"scope": {"user"}}))
		if !matches {
			p.shows(t, http.StatusBadRequest, "The redirect URI does not match")
			continue
		}
		code := w.browser().approveAt(c, url.Values{"scope": {"user"}}).target(t, c.redirect).Get("code")
		if got := tokensOf(t, c.exchange(code)); got.scope != "mcp" {
			t.Errorf("%s: got the scope %q", requested, got.scope)
		}
	}
	w := takeOver(t)
	w.register(map[string]any{"scope": "user"})
}
