//go:build browser

package browser_test

import (
	"database/sql"
	"net/http"
	"strings"

	"github.com/chromedp/chromedp"
	_ "modernc.org/sqlite" // driver "sqlite"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// entered starts a server on a database, with tokens for scripts, and signs the owner in at a page.
func (b *tab) entered(database, path string) keep {
	b.t.Helper()
	built.Store(harness.Build(b.t))
	env := append([]string{"MCPKEEP_PERSONAL_TOKENS=on"}, b.names.env...)
	k := keep{harness.Start(b.t, harness.Options{Database: database, Listen: "127.0.0.1:0", Env: env}).URL}
	b.open(k.url+path, http.StatusOK)
	b.signInLocally()
	return k
}

// toSecret registers an app, whose secret is shown once.
func toSecret(b *tab) {
	k := b.entered(harness.SQLite(b.t), "/admin")
	b.open(k.url+"/admin/apps/register", http.StatusOK)
	b.do(
		chromedp.SetValue(chromedp.CSS("#name"), b.names.app),
		chromedp.SetValue(chromedp.CSS("#redirect-uris"), "https://app.example.com/callback"),
		chromedp.SetValue(chromedp.CSS("#auth-method"), "client_secret_basic"),
	)
	b.load(chromedp.Click(chromedp.CSS("main form button")))
	b.shows("The app is registered", "Client secret", "Save the secret now.")
}

// toAgain comes to a change long after the sign-in.
func toAgain(b *tab) {
	database := harness.SQLite(b.t)
	k := b.entered(database, "/admin")
	db, err := sql.Open("sqlite", strings.TrimPrefix(database, "sqlite:"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(b.ctx, "UPDATE mcpkeep_browser_sessions SET authenticated_at = 0"); err != nil {
		b.t.Fatal(err)
	}
	b.open(k.url+"/admin/apps/register", http.StatusOK)
	b.shows("Sign in again", "last 15 minutes")
}

func toNewToken(b *tab) keep {
	k := b.entered(harness.SQLite(b.t), "/connections")
	b.open(k.url+"/connections/token", http.StatusOK)
	return k
}

// toToken makes a token for a script, which is shown once.
func toToken(b *tab) {
	toNewToken(b)
	b.do(chromedp.SetValue(chromedp.CSS("#name"), b.names.app))
	b.load(chromedp.Click(chromedp.CSS("main form button")))
	b.shows("Your token", "mkp_")
}

// toSignedOut sends a form of a session that has ended.
func toSignedOut(b *tab) {
	toNewToken(b)
	b.do(chromedp.SetValue(chromedp.CSS("#name"), b.names.app))
	for _, c := range b.cookies() {
		c.Value = "gone"
		b.plant(b.location(), c)
	}
	b.load(chromedp.Click(chromedp.CSS("main form button")))
	b.shows("You are signed out", "Nothing was changed")
}
