//go:build chaos

package week_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// kind is one of the ways in which a client is known, with how it authenticates.
type kind struct{ known, method string }

// kinds are those of registered clients, of clients with a metadata document, and of clients
// that the operator registered; each client has one.
var kinds = []kind{
	{"registration", "none"},
	{"metadata document", "none"},
	{"pre-registration", "client_secret_basic"},
	{"registration", "client_secret_basic"},
	{"registration", "client_secret_post"},
}

// signIn signs all clients in. Each sees its first page.
func (w *week) signIn() {
	w.t.Helper()
	for i := range clients {
		b := harness.NewBrowser(w.route.Of(server))
		b.Sites = []string{w.clocks.github.URL}
		c := w.client(i)
		if err := c.SignIn(w.t.Context(), b); err != nil {
			w.t.Fatalf("client %d: %v", i, err)
		}
		w.clients = append(w.clients, c)
	}
}

// client makes a client of the kind of its number known.
func (w *week) client(i int) *harness.Client {
	w.t.Helper()
	k, c := kinds[i%len(kinds)], harness.NewClient(server, w)
	c.AuthMethod = k.method
	switch k.known {
	case "metadata document":
		c.ID = w.site.Publish(fmt.Sprintf("/%d.json", i))
	case "pre-registration":
		r := w.current.Command(w.t.Context(), w.t,
			"clients", "create", "--json", "--name", "Week", "--redirect-uri", c.RedirectURI, "--auth-method", k.method)
		var created struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
		}
		if err := json.Unmarshal([]byte(r.Stdout), &created); err != nil || created.Secret == "" {
			w.t.Fatalf("clients create: status %d, %v: %s", r.Status, err, r.Stderr)
		}
		c.ID, c.Secret = created.ID, created.Secret
	}
	return c
}

// patience is how long a client tries again while no process takes its requests.
const patience = time.Minute

// again repeats a request whose connection ended without a response, as HTTP clients do.
func again(request func() error) error {
	began := time.Now()
	for {
		err := request()
		if err == nil || harness.StatusOf(err) != 0 || time.Since(began) > patience {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// call calls as apps do: a token that has expired is refreshed, and with no other way left
// the user has to sign in, which is a page.
func (w *week) call(i int, c *harness.Client) {
	ctx := w.t.Context()
	whoami := func() error { _, err := c.Call(ctx, "whoami"); return err }
	err := again(whoami)
	if harness.StatusOf(err) == http.StatusUnauthorized {
		if err = again(func() error { return c.Refresh(ctx) }); err == nil {
			w.refreshes.Add(1)
			err = again(whoami)
		}
	}
	if err != nil {
		w.pages.Add(1)
		w.t.Errorf("client %d (%v): %v", i, kinds[i%len(kinds)], err)
		return
	}
	w.calls.Add(1)
}

// version is what the process that is deployed says of itself to the first client, which
// refreshes if its token has expired.
func (w *week) version() (version string, err error) {
	c := w.clients[0]
	if version, err = c.ServerVersion(w.t.Context()); harness.StatusOf(err) != http.StatusUnauthorized {
		return version, err
	}
	if err := c.Refresh(w.t.Context()); err != nil {
		return "", err
	}
	w.refreshes.Add(1)
	return c.ServerVersion(w.t.Context())
}
