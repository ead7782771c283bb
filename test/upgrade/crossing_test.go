//go:build upgrade

package upgrade_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/upgrade"
)

// The steps of a sign-in at a provider, each of which one of two processes takes.
const (
	registers = iota
	authorizes
	approves
	comesBack
	exchanges
	signsIn // that many they are

	waysToSignIn = 1 << signsIn
	// usesAfter are calls, each with a refresh.
	usesAfter = 3
	// together are people who sign in at the same time: most of them wait for the provider.
	together = 12
)

// TestProviderSideBySide: a release and the present program share a database and a provider.
// Each of the 32 ways in which a sign-in can be shared between the two succeeds, and so does
// the next one of the same browser the other way round: forms, cookies and the way back from
// the provider are those of either version. In half of them the rows are gone meanwhile, as
// in a flood, so that only what page and browser carry crosses.
func TestProviderSideBySide(t *testing.T) {
	t.Parallel()
	repo := upgrade.Repository{Dir: harness.Root(t)}
	for _, r := range releases(t, repo) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			binary := build(t, repo, r.commit)
			for _, engine := range harness.Engines() {
				for _, at := range providers(t, 2*waysToSignIn) {
					t.Run(engine.Name+"/"+at.name, func(t *testing.T) {
						t.Parallel()
						opts := engine.Options(t)
						opts.Binary, opts.Env = binary, append(opts.Env, at.env...)
						old := harness.Start(t, opts)
						opts.Binary, opts.Args = "", []string{"--base-url", old.URL}
						s := shared{provider: at, server: old.URL, processes: [2]*harness.Process{old, harness.Start(t, opts)}, rows: dbtest.SQL(t, opts.Database)}
						s.allWays(t)
					})
				}
			}
		})
	}
}

// shared is what two processes have in common.
type shared struct {
	provider
	server    string
	processes [2]*harness.Process
	rows      *sql.DB
}

func (s shared) allWays(t *testing.T) {
	t.Helper()
	var all sync.WaitGroup
	for caller := range together {
		all.Go(func() {
			for i := caller; i < 2*waysToSignIn; i += together {
				if err := s.visit(t.Context(), i%waysToSignIn, i, i >= waysToSignIn); err != nil {
					t.Errorf("way %05b, rows gone: %v: %v", i%waysToSignIn, i >= waysToSignIn, err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d sign-ins, half of them without their rows, in %d ways between two versions", 4*waysToSignIn, waysToSignIn)
}

// visit signs a person in one way, and once more the other way round.
func (s shared) visit(ctx context.Context, way, person int, evicted bool) error {
	c := &crossing{shared: s, evicted: evicted}
	b := s.browser(person, c)
	for _, c.way = range []int{way, ^way} {
		if err := c.signIn(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// crossing leads each step of one sign-in to the process that its way names, bit by bit. It
// is for one goroutine.
type crossing struct {
	shared

	way, step int
	evicted   bool
	client    *harness.Client
}

// RoundTrip leads requests for the server to a process, and others where they go.
func (c *crossing) RoundTrip(req *http.Request) (*http.Response, error) {
	if origin := req.URL.Scheme + "://" + req.URL.Host; origin != c.server {
		return http.DefaultTransport.RoundTrip(req)
	}
	at := c.way >> min(c.step, exchanges) & 1
	if c.step > exchanges { // a call and a refresh here, the next ones there
		at ^= (c.step - exchanges + 1) / 2 & 1
	}
	if err := c.evict(req.Context()); err != nil {
		return nil, err
	}
	c.step++
	to := req.Clone(req.Context())
	to.Host, to.URL.Host = req.URL.Host, c.processes[at].Address()
	res, err := http.DefaultTransport.RoundTrip(to)
	if res != nil {
		res.Request = req
	}
	return res, err
}

// evict deletes what pages and browsers carry, before the step that needs it.
func (c *crossing) evict(ctx context.Context) (err error) {
	switch {
	case !c.evicted:
	case c.step == approves:
		err = c.remove(ctx, "DELETE FROM oauth_clients WHERE key LIKE '%' || $1", c.client.ID)
	case c.step == comesBack:
		err = c.remove(ctx, "DELETE FROM mcpkeep_authorizations WHERE client_id = $1", c.client.ID)
	}
	return err
}

func (c *crossing) remove(ctx context.Context, statement, id string) error {
	done, err := c.rows.ExecContext(ctx, statement, id)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("%s: %d rows, want one: %w", statement, n, err)
	}
	return nil
}

// signIn is the life of a client, each step as the way has it.
func (c *crossing) signIn(ctx context.Context, b *harness.Browser) error {
	c.step, c.client = registers, harness.NewClient(c.server, c)
	if err := c.client.Register(ctx); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	page, err := b.Open(ctx, c.client.AuthorizeURL())
	if err != nil {
		return fmt.Errorf("authorize: %w", err)
	}
	if page, err = b.Submit(ctx, page); err != nil {
		return fmt.Errorf("approve: %w", err)
	}
	if page.Left == nil {
		return fmt.Errorf("the way back from the provider led to a page: %d %s", page.Status, page.Body)
	}
	code, err := c.client.Code(page.Left)
	if err != nil {
		return err
	}
	if err := c.client.Exchange(ctx, code); err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	if c.step != signsIn {
		return fmt.Errorf("the sign-in took %d steps, and %d are shared", c.step, signsIn)
	}
	for range usesAfter {
		if err := use(ctx, c.client); err != nil {
			return err
		}
	}
	return nil
}
