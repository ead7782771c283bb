package server_test

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// flight is a sign-in at FastMCP that its user has not finished.
type flight struct {
	*takeover
	id      string // of the transaction, or the code
	request fastmcptest.Request
}

// depart begins a sign-in at FastMCP.
func (w *takeover) depart() *flight {
	w.Helper()
	f := &flight{takeover: w, id: fastmcptest.ID(), request: fastmcptest.Request{
		ClientID: w.client.id, RedirectURI: w.client.redirect, State: "state-of-the-client",
		Challenge: oauth.Challenge(w.client.verifier), Verifier: oauth.NewVerifier(),
	}}
	f.transaction()
	w.log.secret(f.id, f.request.Verifier)
	return f
}

// transaction writes the row of the sign-in, with members changed.
func (f *flight) transaction(changes ...map[string]any) {
	f.Helper()
	f.row(fastmcp.TransactionCollection, f.id, with(fastmcptest.Transaction(f.id, f.request, f.clock.Now()), changes...))
}

func with(row map[string]any, changes ...map[string]any) map[string]any {
	for _, change := range changes {
		for name, value := range change {
			if row[name] = value; value == missing {
				delete(row, name)
			}
		}
	}
	return row
}

// missing stands for a member that is not there.
const missing = "\x00"

// atGitHub signs someone in where FastMCP sent them, and returns where GitHub sends the
// browser.
func (f *flight) atGitHub(login string) *url.URL {
	f.Helper()
	query := url.Values{
		"response_type": {"code"}, "client_id": {f.gh.ClientID}, "redirect_uri": {base + "/auth/callback"}, "state": {f.id}, "scope": {"user"},
	}
	if f.request.Verifier != "" {
		query.Set("code_challenge", oauth.Challenge(f.request.Verifier))
		query.Set("code_challenge_method", "S256")
	}
	return f.gh.Authorize(f, f.gh.URL+"/login/oauth/authorize?"+query.Encode(), f.gh.SessionCookie(login))
}

// TestInFlightAtProvider: who was at GitHub when traffic moved finishes, after our consent
// page, with or without FastMCP's PKCE.
func TestInFlightAtProvider(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		for _, verifier := range []string{oauth.NewVerifier(), ""} {
			w := takeOver(t, on(e))
			w.gh.SetTokenLifetime(8 * time.Hour)
			w.gh.SetPKCEOptional(true)
			f := w.depart()
			f.request.Verifier = verifier
			f.transaction()
			back, b := f.atGitHub("octocat"), w.browser()
			exchanges := w.gh.Calls("/login/oauth/access_token")
			b.at(back).shows(t, http.StatusOK, "wants to connect")
			p := b.at(back) // once more
			p.shows(t, http.StatusOK, "octocat")
			w.browser().at(back).shows(t, http.StatusForbidden, "another browser")
			if len(w.grants()) > 0 {
				t.Error("there is a grant without consent")
			}
			q := b.submit(p, approve).target(t, w.client.redirect)
			if q.Get("state") != "state-of-the-client" || q.Get("iss") != base {
				t.Errorf("the client gets %v", q)
			}
			got := tokensOf(t, w.client.exchange(q.Get("code")))
			w.wantAccess(t, got.access, true)
			if n := w.gh.Calls("/login/oauth/access_token") - exchanges; n != 1 {
				t.Errorf("the code of GitHub was presented %d times", n)
			}
			if w.has(fastmcp.TransactionCollection, f.id) {
				t.Error("FastMCP could finish it again")
			}
			b.at(back).shows(t, http.StatusOK, "complete")
			w.clock.advance(2 * time.Hour)
			tokensOf(t, w.client.refresh(got.refresh)) // asks GitHub, with the token that it gave
		}
	})
}

// TestInFlightAtConsent: FastMCP's consent page, opened again or submitted, leads to ours,
// with the same request.
func TestInFlightAtConsent(t *testing.T) {
	t.Parallel()
	submitted := url.Values{"csrf_token": {"csrf"}, "action": {"approve"}, "submit": {"true"}}
	for name, visit := range map[string]func(f *flight, b *browser) page{
		"opened":    func(f *flight, b *browser) page { return b.visit("/consent?txn_id=" + f.id) },
		"submitted": func(f *flight, b *browser) page { return f.post(b, "/consent?txn_id="+f.id, submitted) },
		"2.13.0":    func(f *flight, b *browser) page { return f.post(b, "/consent/submit", submitted) },
		"denied":    func(f *flight, b *browser) page { return f.post(b, "/consent", url.Values{"action": {"deny"}}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := takeOver(t)
			b, f := w.browser(), w.depart()
			p := visit(f, b)
			p.shows(t, http.StatusOK, "wants to connect")
			if !w.has(fastmcp.TransactionCollection, f.id) {
				t.Error("FastMCP lost its row")
			}
			q := b.submit(p, approve).target(t, w.client.redirect)
			if q.Get("state") != "state-of-the-client" {
				t.Errorf("the client gets %v", q)
			}
			w.wantAccess(t, tokensOf(t, w.client.exchange(q.Get("code"))).access, true)
		})
	}
}

func (f *flight) post(b *browser, path string, form url.Values) page {
	f.Helper()
	return b.open(http.MethodPost, base+path, changed(form, url.Values{"txn_id": {f.id}}))
}

// transactionAttacks are changes to a sign-in at GitHub that must not be finished.
var transactionAttacks = map[string]struct {
	change   func(f *flight)
	invented bool // there is no row, so that anyone can invent it
	client   bool // the client is told, since client and redirect URI are good
}{
	"no row":                    {invented: true, change: func(f *flight) { f.drop(fastmcp.TransactionCollection, f.id) }},
	"expired, and still there":  {change: func(f *flight) { f.clock.advance(15*time.Minute + time.Second) }},
	"plain":                     {change: func(f *flight) { f.python.Cipher = nil; f.transaction() }},
	"in the place of another":   {change: func(f *flight) { f.transaction(map[string]any{"txn_id": fastmcptest.ID()}) }},
	"a member missing":          {change: func(f *flight) { f.transaction(map[string]any{"code_challenge": missing}) }},
	"a member of another type":  {change: func(f *flight) { f.transaction(map[string]any{"created_at": "now"}) }},
	"a list in place of a text": {change: func(f *flight) { f.transaction(map[string]any{"proxy_code_verifier": []string{"x"}}) }},
	"without PKCE":              {client: true, change: func(f *flight) { f.transaction(map[string]any{"code_challenge": nil}) }},
	"plain PKCE":                {client: true, change: func(f *flight) { f.transaction(map[string]any{"code_challenge_method": "plain"}) }},
	"another redirect URI": {change: func(f *flight) {
		f.transaction(map[string]any{"client_redirect_uri": "https://evil.example.com/"})
	}},
	"a client that is not registered": {change: func(f *flight) {
		f.transaction(map[string]any{"client_id": "gone", "client_redirect_uri": "https://evil.example.com/"})
	}},
	"another server's resource": {client: true, change: func(f *flight) {
		f.transaction(map[string]any{"resource": "https://other.example.com/mcp"})
	}},
	"another key": {change: func(f *flight) {
		f.python.Cipher = strangeKeys(f)
		f.transaction()
	}},
}

// refusals checks that the audit trail has so many refusals, of the type that they are to have.
func (w *takeover) refusals(t *testing.T, invented bool, times int) {
	t.Helper()
	want := map[storage.EventType]int{storage.EventAdoptionRefused: times, storage.EventFastMCPTokenRefused: 0}
	if invented {
		want = map[storage.EventType]int{storage.EventAdoptionRefused: 0, storage.EventFastMCPTokenRefused: times}
	}
	for typ, n := range want {
		if got := w.events(typ); got != n {
			t.Errorf("%d events %s, want %d", got, typ, n)
		}
	}
}

// swapCase turns letters of one case into those of the other.
func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

// TestInFlightRefuses: a callback whose state is no good transaction ends on a page, or with
// an OAuth error at the client; GitHub's code stays unused, and the audit trail says so.
func TestInFlightRefuses(t *testing.T) {
	t.Parallel()
	for name, a := range transactionAttacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := takeOver(t)
			f := w.depart()
			back := f.atGitHub("octocat")
			exchanges := w.gh.Calls("/login/oauth/access_token")
			a.change(f)
			p := w.browser().at(back)
			if a.client {
				if link := p.link(t); !strings.HasPrefix(link, w.client.redirect+"?error=invalid_") {
					t.Errorf("the page leads to %q", link)
				}
			}
			p.shows(t, http.StatusBadRequest, "")
			if n := w.gh.Calls("/login/oauth/access_token") - exchanges; n != 0 {
				t.Errorf("the code of GitHub was presented %d times", n)
			}
			w.refusals(t, a.invented, 1)
			if q := w.browser().visit("/consent?txn_id=" + f.id); q.Status == http.StatusOK && strings.Contains(q.Body, "wants to connect") {
				t.Error("the consent page of FastMCP starts over")
			}
			w.refusals(t, a.invented, 2)
			if strings.Contains(p.Body, f.id) {
				t.Error("the page shows the state")
			}
		})
	}
}

// TestInFlightPeople: the lists decide, GitHub's refusal ends the sign-in, a person may deny,
// and only the browser that came from GitHub may approve.
func TestInFlightPeople(t *testing.T) {
	t.Parallel()
	w := takeOver(t)
	w.gh.SetTokenLifetime(8 * time.Hour)
	f := w.depart()
	w.browser().at(f.atGitHub("mallory")).shows(t, http.StatusForbidden, "mallory")

	f = w.depart()
	w.gh.SetDenying(true)
	if q := w.browser().at(f.atGitHub("octocat")).target(t, w.client.redirect); q.Get("error") != "access_denied" {
		t.Errorf("denied at GitHub: %v", q)
	}
	w.gh.SetDenying(false)

	f = w.depart()
	guessed := f.atGitHub("octocat")
	guessed.RawQuery = url.Values{"state": {f.id}, "code": {"guessed"}}.Encode()
	if q := w.browser().at(guessed).target(t, w.client.redirect); q.Get("error") != "access_denied" {
		t.Errorf("a guessed code: %v", q)
	}

	f = w.depart()
	b := w.browser()
	p := b.at(f.atGitHub("octocat"))
	w.browser().submit(p, approve).shows(t, http.StatusForbidden, "another browser")
	w.gh.SetOrgs("octocat") // changes nothing any more: it is asked again in an hour
	if q := b.submit(p, url.Values{"action": {"deny"}}).target(t, w.client.redirect); q.Get("error") != "access_denied" {
		t.Errorf("denied: %v", q)
	}
	if w.has(fastmcp.TransactionCollection, f.id) {
		t.Error("FastMCP could finish what was denied")
	}
	if len(w.grants()) > 0 {
		t.Error("there is a grant")
	}
}

// code writes the row of a code that FastMCP issued for the sign-in.
func (f *flight) code(changes ...map[string]any) {
	f.Helper()
	f.row(fastmcp.CodeCollection, f.id, with(fastmcptest.Code(f.id, f.request, f.upstream("octocat"), f.clock.Now()), changes...))
}

// TestInFlightCode: a code of FastMCP gives tokens, once; used again, it ends them as one of
// ours does.
func TestInFlightCode(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := takeOver(t, on(e))
		w.gh.SetTokenLifetime(30 * time.Second) // to be renewed at the refresh
		f := w.depart()
		f.code()
		got := tokensOf(t, w.client.exchange(f.id))
		w.wantAccess(t, got.access, true)
		if w.has(fastmcp.CodeCollection, f.id) {
			t.Error("FastMCP would redeem it again")
		}
		w.clock.advance(2 * time.Hour)
		w.gh.Advance(time.Hour)
		again := tokensOf(t, w.client.refresh(got.refresh))
		w.wantAccess(t, again.access, true)

		f = w.depart()
		f.code()
		got = tokensOf(t, w.client.exchange(f.id))
		w.client.exchange(f.id).want(t, http.StatusBadRequest, "invalid_grant")
		w.wantAccess(t, got.access, false)
		if n := w.events(storage.EventGrantAdopted); n != 2 {
			t.Errorf("%d events, want 2", n)
		}
	})
}

// TestInFlightCodeRace: of concurrent uses of a code one wins, and none gets a 5xx.
func TestInFlightCodeRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := takeOver(t, on(e))
		f := w.depart()
		f.code()
		var won atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch a := w.client.exchange(f.id); {
				case a.Status == http.StatusOK:
					won.Add(1)
				case a.Status != http.StatusBadRequest || a.member("error") != "invalid_grant":
					t.Errorf("got %d %s", a.Status, a.Body)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d won, want 1", won.Load())
		}
	})
}

// codeAttacks are changes to a code, or to what is presented with it.
var codeAttacks = map[string]struct {
	change    func(f *flight)
	presented url.Values
	invented  bool       // there is no row, or no one looks for it
	code      oauth.Code // invalid_grant unless set
}{
	"no row":                  {invented: true, change: func(f *flight) { f.drop(fastmcp.CodeCollection, f.id) }},
	"no code of FastMCP":      {invented: true, change: func(f *flight) { f.id = "guessed" }},
	"one character more":      {invented: true, change: func(f *flight) { f.id += "x" }},
	"another case":            {invented: true, change: func(f *flight) { f.id = swapCase(f.id) }},
	"a transaction as a code": {invented: true, change: func(f *flight) { f.drop(fastmcp.CodeCollection, f.id); f.transaction() }},
	"swapped with another": {change: func(f *flight) {
		other := f.depart()
		other.code()
		row := f.python.Row(f, fastmcptest.Code(other.id, other.request, f.upstream("octocat"), f.clock.Now()))
		f.put(fastmcp.RowKey(fastmcp.CodeCollection, f.id), row)
	}},
	"expired, and still there": {change: func(f *flight) { f.clock.advance(5*time.Minute + time.Second) }},
	"plain":                    {change: func(f *flight) { f.python.Cipher = nil; f.code() }},
	"another key":              {change: func(f *flight) { f.python.Cipher = strangeKeys(f); f.code() }},
	"in the place of another":  {change: func(f *flight) { f.code(map[string]any{"code": fastmcptest.ID()}) }},
	"a member missing":         {change: func(f *flight) { f.code(map[string]any{"expires_at": missing}) }},
	"tokens of another type":   {change: func(f *flight) { f.code(map[string]any{"idp_tokens": "gho_1"}) }},
	"no tokens":                {change: func(f *flight) { f.code(map[string]any{"idp_tokens": map[string]any{}}) }},
	"another client's":         {change: func(f *flight) { f.code(map[string]any{"client_id": "other-client"}) }},
	"without PKCE":             {change: func(f *flight) { f.code(map[string]any{"code_challenge": nil}) }},
	"plain PKCE":               {change: func(f *flight) { f.code(map[string]any{"code_challenge_method": "plain"}) }},
	"another redirect URI":     {presented: url.Values{"redirect_uri": {"http://127.0.0.1:33418/other"}}},
	"no redirect URI":          {presented: url.Values{"redirect_uri": nil}},
	"another verifier":         {presented: url.Values{"code_verifier": {oauth.NewVerifier()}}},
	"no verifier":              {presented: url.Values{"code_verifier": nil}, invented: true, code: oauth.InvalidRequest},
	"a verifier that is none":  {presented: url.Values{"code_verifier": {"short"}}, invented: true},
	"another server's resource": {
		presented: url.Values{"resource": {"https://other.example.com/mcp"}}, invented: true, code: oauth.InvalidTarget,
	},
	"someone not on the list": {change: func(f *flight) {
		f.row(fastmcp.CodeCollection, f.id, fastmcptest.Code(f.id, f.request, f.upstream("mallory"), f.clock.Now()))
	}},
	"revoked at GitHub": {change: func(f *flight) { f.gh.RevokeTokens("octocat") }},
}

// TestInFlightCodeRefuses: a code that does not fit is refused like one of ours, stays for
// who has the right to it, and the audit trail says so.
func TestInFlightCodeRefuses(t *testing.T) {
	t.Parallel()
	for name, a := range codeAttacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := takeOver(t)
			f := w.depart()
			f.code()
			if a.change != nil {
				a.change(f)
			}
			w.client.exchange(f.id, a.presented).want(t, http.StatusBadRequest, string(cmp.Or(a.code, oauth.InvalidGrant)))
			w.refusals(t, a.invented, 1)
			if len(w.grants()) > 0 {
				t.Error("there is a grant")
			}
			if a.presented != nil {
				tokensOf(t, w.client.exchange(f.id))
			}
		})
	}
}

// TestInFlightOff: without takeover nothing of FastMCP is looked at.
func TestInFlightOff(t *testing.T) {
	t.Parallel()
	w := takeOver(t)
	f := w.depart()
	f.code()
	w.config.FastMCP = nil
	w.serve()
	w.client.exchange(f.id).want(t, http.StatusBadRequest, "invalid_grant")
	w.browser().at(f.atGitHub("octocat")).shows(t, http.StatusBadRequest, "expired")
	w.browser().visit("/consent?txn_id="+f.id).shows(t, http.StatusBadRequest, "expired")
}

// strangeKeys are keys that no one configured.
func strangeKeys(t testing.TB) *keyring.Keyring {
	t.Helper()
	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
