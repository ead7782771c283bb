//go:build chaos

package week_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	deployments = 56
	betweenThem = 3 * time.Hour
	clients     = 20
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

// TestWeek: the promise. Seven days of use with 56 deployments, and no client shows a page
// after the first one.
func TestWeek(t *testing.T) {
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			w := &week{t: t, database: engine.Database(t), key: keyring.Generate(), site: harness.NewClientSite(t)}
			w.env = append(w.site.Env(), envURL+"="+w.database, envKey+"="+w.key)
			began := time.Now()
			w.deploy(0)
			w.signIn()
			for n := 1; n <= deployments; n++ {
				w.use(func() { w.deploy(n) })
			}
			w.use(func() {})
			t.Logf("%v of use in %v: %d deployments, %d clients of %d kinds (registered, pre-registered, with a metadata document), %d calls, %d refreshes, %d pages after the first",
				deployments*betweenThem, time.Since(began).Round(time.Second), deployments, clients, len(kinds),
				w.calls.Load(), w.refreshes.Load(), w.pages.Load())
			if w.pages.Load() != 0 || w.calls.Load() != clients*(deployments+1) || w.refreshes.Load() < clients*deployments/5 {
				t.Error("want no page, a call of each client in each period, and a refresh every twelve hours")
			}
		})
	}
}

// week is the whole experiment.
type week struct {
	t             *testing.T
	database, key string
	site          *fetchtest.Site
	env           []string // of the servers

	address atomic.Value // of the server that is deployed
	current *exec.Cmd
	clients []*harness.Client

	calls, refreshes, pages atomic.Int64
}

// deploy starts a server with a clock that is ahead, leads requests there, and drains the
// one before.
func (w *week) deploy(n int) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	next := exec.Command(self)
	next.Env = append(append(os.Environ(), w.env...), envAhead+"="+(time.Duration(n)*betweenThem).String(), fmt.Sprintf("%s=1.0.%d", envVersion, n))
	next.Stderr = os.Stderr
	out, err := next.StdoutPipe()
	if err == nil {
		err = next.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		w.t.Fatalf("deployment %d: %v", n, err)
	}
	w.t.Cleanup(func() { _ = next.Process.Kill() })
	old := w.current
	w.current = next
	w.address.Store(strings.TrimSpace(address))
	if old != nil {
		_ = old.Process.Signal(syscall.SIGTERM)
		if err := old.Wait(); err != nil {
			w.t.Errorf("deployment %d ended with %v", n-1, err)
		}
	}
}

// transport leads to the server that is deployed, whatever the URL says.
func (w *week) transport() http.RoundTripper {
	return &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			address, _ := w.address.Load().(string)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
}

// signIn signs all clients in. Each sees its first page.
func (w *week) signIn() {
	w.t.Helper()
	for i := range clients {
		c := w.client(i)
		if err := c.SignIn(w.t.Context(), harness.NewBrowser(w.transport())); err != nil {
			w.t.Fatalf("client %d: %v", i, err)
		}
		w.clients = append(w.clients, c)
	}
}

// client makes a client of the kind of its number known.
func (w *week) client(i int) *harness.Client {
	w.t.Helper()
	k, c := kinds[i%len(kinds)], harness.NewClient(baseURL, w.transport())
	c.AuthMethod = k.method
	switch k.known {
	case "metadata document":
		c.ID = w.site.Publish(fmt.Sprintf("/%d.json", i))
	case "pre-registration":
		r := harness.Run(w.t.Context(), w.t, []string{"DATABASE_URL=" + w.database, "MCPKEEP_ENCRYPTION_KEYS=" + w.key},
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

// use has every client make a call while meanwhile happens.
func (w *week) use(meanwhile func()) {
	var all sync.WaitGroup
	for i, c := range w.clients {
		all.Go(func() { w.call(i, c) })
	}
	meanwhile()
	all.Wait()
}

// again repeats a request whose connection ended without a response, as HTTP clients do: on a
// machine under load, one may arrive after the drain.
func again(request func() error) error {
	err := request()
	for range 3 {
		if err == nil || harness.StatusOf(err) != 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
		err = request()
	}
	return err
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
