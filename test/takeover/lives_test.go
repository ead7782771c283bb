//go:build takeover

package takeover_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// How long tokens of a GitHub App live.
const (
	shortTokens    = time.Minute     // in which mcpkeep starts, on a machine under load
	importedTokens = 4 * time.Minute // in which a store is imported, too
	longTokens     = time.Hour
)

// life is a deployment that is taken over.
type life struct {
	*testing.T
	combination
	d        *deployment
	source   string
	client   *client         // FastMCP's own, which stays signed in
	old      *harness.Client // one that signs in again
	kept     *harness.Client // one that calls at mcpkeep, and does not refresh there
	inFlight *harness.Client // one that holds a code
	code     string
	revoked  string // a refresh token that is revoked at mcpkeep
	first    held   // what client had at first
	seen     [steps]string
}

// takeOver takes a deployment through the switch and, with a store in the database, back. No
// step opens the browser of FastMCP's client again.
func takeOver(t *testing.T, c combination) [steps]string {
	t.Helper()
	l := &life{T: t, combination: c}
	for i := range l.seen {
		l.seen[i] = "–"
	}
	l.d, l.source = c.place(t)
	stop := serve(t, c.version, l.d.setup)
	l.begin()
	stop()
	if c.version == "2.13.0" { // which kept its refresh tokens in memory
		l.d.options.Env = append(l.d.options.Env, "MCPKEEP_FASTMCP_LEGACY_UNTIL="+time.Now().Add(time.Hour).Format(time.RFC3339))
	}
	if c.imported() {
		storeOf(c).keep(t, l.d, l.source, l.first)
		l.d.adoptFrom(t, l.source, l.first, l.expiresSoon())
	}
	keep := harness.Start(t, l.d.options)
	l.continues(keep)
	fresh := l.signsIn()
	keep.Kill9()
	serve(t, c.version, l.d.setup)
	l.back(fresh)
	l.seen[stepBrowser] = fmt.Sprint(l.client.opened-1, "×")
	return l.seen
}

// begin signs clients in at FastMCP, the one that continues at last: its tokens alone are
// short-lived, those of a code must outlive the start of mcpkeep.
func (l *life) begin() {
	l.Helper()
	l.old, l.kept, l.inFlight = harness.NewClient(l.d.url(), nil), harness.NewClient(l.d.url(), nil), harness.NewClient(l.d.url(), nil)
	for _, c := range []*harness.Client{l.old, l.kept, l.inFlight} {
		c.Scope, c.FastMCP = "user", true
	}
	for _, c := range []*harness.Client{l.old, l.kept} {
		if err := person(l.T, l.d, c); err != nil {
			l.Fatal(err)
		}
	}
	l.revoked = l.old.RefreshToken
	l.code = upToCode(l.T, l.d, l.inFlight)
	l.client = newClient(l.T, l.version, l.d.url()+"/mcp", l.d.gh.URL)
	if !l.oauthApp {
		l.d.gh.SetTokenLifetime(l.lifetime())
	}
	l.client.call("ping", "pong", 1)
	l.first = l.client.tokens()
}

// lifetime is that of the client that continues, at a GitHub App.
func (l *life) lifetime() time.Duration {
	switch {
	case l.imported() && l.version == "2.13.0": // whose refresh tokens are not in the store
		return longTokens
	case l.imported():
		return importedTokens
	}
	return shortTokens
}

// expiresSoon: GitHub's token of the client that continues would have to be renewed to ask
// GitHub, so that the import leaves it to the first use.
func (l *life) expiresSoon() bool { return !l.oauthApp && l.lifetime() == importedTokens }

// continues has FastMCP's client, started again, call at mcpkeep with the token in its file,
// refresh once that and GitHub's have run out, and call again.
func (l *life) continues(keep *harness.Process) {
	l.Helper()
	l.client.restart()
	l.client.call("whoami", "octocat", 0)
	loaded := time.Now()
	if now := l.client.tokens(); now.Access != l.first.Access {
		l.Error("the client did not continue with its token")
	}
	if got := call(l.T, l.d.url(), l.kept.AccessToken); got.status != http.StatusOK {
		l.Errorf("another access token of FastMCP gets %d", got.status)
	}
	l.seen[stepCall] = "works"
	if l.imported() {
		l.hasImported(keep)
	}
	if err := l.inFlight.Exchange(l.Context(), l.code); err != nil {
		l.Errorf("a code of FastMCP: %v", err)
	}
	if got := call(l.T, l.d.url(), l.inFlight.AccessToken); got.status != http.StatusOK {
		l.Errorf("a code of FastMCP gave a token that gets %d", got.status)
	}
	l.seen[stepCode] = "works"
	switch {
	case l.oauthApp:
		l.client.call("whoami", "octocat", 0)
		l.seen[stepRefresh] = "no refresh token"
		return
	case l.imported() && l.version == "2.13.0":
		l.seen[stepRefresh] = "not in the store"
		return
	}
	time.Sleep(time.Until(loaded.Add(l.lifetime() + time.Second))) // FastMCP 2 counts from there
	l.client.call("whoami", "octocat", 0)
	if second := l.client.tokens(); !strings.HasPrefix(second.Access, "mka_") || !strings.HasPrefix(second.Refresh, "mkr_") {
		l.Errorf("the client did not refresh: %.8s", second.Access)
	}
	if got := l.d.refresh(l.T, held{Refresh: l.first.Refresh, Client: l.kept.ID, Secret: l.kept.Secret}); got != http.StatusBadRequest {
		l.Errorf("another client's refresh gets %d", got)
	}
	l.seen[stepRefresh] = "works"
}

// hasImported: the session is listed as taken over, and no row is imported again.
func (l *life) hasImported(keep *harness.Process) {
	l.Helper()
	if got := keep.Command(l.Context(), l.T, "grants", "list", "--json"); !strings.Contains(got.Stdout, `"adopted":true`) {
		l.Errorf("grants list: %s", got.Stdout)
	}
	if again := l.d.adopt(l.T, nil, "--from", l.source, "--json"); !strings.Contains(again.Stdout, `"rows_imported":0`) {
		l.Errorf("again: %+v", again)
	}
}

// signsIn has a client of FastMCP sign in at mcpkeep under its ID, with the old scope and
// without, after its refresh token was revoked. It returns a client that registered here.
func (l *life) signsIn() *harness.Client {
	l.Helper()
	if l.revoked != "" {
		if err := l.old.Revoke(l.Context(), l.revoked); err != nil {
			l.Errorf("revoke: %v", err)
		}
	}
	for _, scope := range []string{"user", ""} {
		l.old.Scope = scope
		if err := person(l.T, l.d, l.old); err != nil {
			l.Errorf("the old client, with the scope %q: %v", scope, err)
		}
		if got := call(l.T, l.d.url(), l.old.AccessToken); got.status != http.StatusOK {
			l.Errorf("the old client, with the scope %q: %d", scope, got.status)
		}
	}
	l.seen[stepSignIn] = "works"
	fresh := harness.NewClient(l.d.url(), nil)
	if err := fresh.Register(l.Context()); err != nil {
		l.Fatal(err)
	}
	return fresh
}

// person signs a client in at GitHub, through the pages of the server.
func person(t *testing.T, d *deployment, c *harness.Client) error {
	t.Helper()
	b := harness.NewBrowser(nil)
	b.Sites = []string{d.gh.URL}
	return c.SignIn(t.Context(), b)
}

// upToCode signs a client in at FastMCP, up to the code that it does not redeem there.
func upToCode(t *testing.T, d *deployment, c *harness.Client) string {
	t.Helper()
	if err := c.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := harness.NewBrowser(nil)
	b.Sites = []string{d.gh.URL}
	answer, err := b.Visit(t.Context(), c.AuthorizeURL())
	if err != nil {
		t.Fatal(err)
	}
	code, err := c.Code(answer)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
