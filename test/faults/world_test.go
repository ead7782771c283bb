//go:build faults

package faults_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// replicas is how many servers share a database on PostgreSQL.
const replicas = 2

// world is what a fault breaks.
type world struct {
	servers []*harness.Process
	doors   []string // where clients reach each server
	base    string   // the one base URL of the servers

	database *pgtest.Proxy   // between the servers and the database
	front    []*pgtest.Proxy // between the clients and each server
	cluster  *pgtest.Cluster // of this world only
	standby  *pgtest.Cluster
	admin    string          // DSN that leads around the proxy
	clocks   []time.Duration // how far ahead the servers' are; nil for none
	file     string          // of SQLite
}

// behindProxy is a database of its own, behind a proxy.
func behindProxy(t *testing.T) *world {
	t.Helper()
	w := &world{admin: pgtest.New(t)}
	var through string
	w.database, through = pgtest.NewProxy(t, w.admin)
	w.serve(t, through, replicas)
	return w
}

// apart is how far the clocks of two servers are apart that follow each other.
const apart = 5 * time.Minute

// clocksApart is three servers: the clock of one is behind the database's, one is right, and
// one is ahead.
func clocksApart(t *testing.T) *world {
	t.Helper()
	w := &world{admin: pgtest.New(t), clocks: []time.Duration{-apart, 0, apart}}
	w.serve(t, w.admin, len(w.clocks))
	return w
}

// durable are the settings of a server that keeps what it acknowledged.
var durable = []pgtest.Option{
	pgtest.Setting("fsync", "on"), pgtest.Setting("synchronous_commit", "on"), pgtest.Setting("full_page_writes", "on"),
}

// onCluster is a PostgreSQL server of its own.
func onCluster(t *testing.T) *world {
	t.Helper()
	w := &world{cluster: pgtest.NewCluster(t, durable...)}
	w.admin = w.cluster.DSN()
	w.serve(t, w.admin, replicas)
	return w
}

// frontProxies has a proxy in front of each server.
func frontProxies(t *testing.T) *world {
	t.Helper()
	w := &world{admin: pgtest.New(t)}
	addresses := make([]string, replicas)
	for i := range addresses {
		addresses[i] = harness.FreeAddress(t)
		w.front = append(w.front, pgtest.NewRawProxy(t, "tcp", "127.0.0.1:0", addresses[i]))
		w.doors = append(w.doors, w.front[i].Address())
	}
	w.serveAt(t, w.admin, addresses)
	return w
}

// onFile is one server with an SQLite file.
func onFile(t *testing.T) *world {
	t.Helper()
	url := harness.SQLite(t)
	w := &world{file: url[len("sqlite:"):]}
	w.serve(t, url, 1)
	return w
}

// serve starts servers on a database that clients reach directly.
func (w *world) serve(t *testing.T, database string, n int) {
	t.Helper()
	for range n {
		w.doors = append(w.doors, harness.FreeAddress(t))
	}
	w.serveAt(t, database, w.doors)
}

func (w *world) serveAt(t *testing.T, database string, addresses []string) {
	t.Helper()
	w.base = "http://" + w.doors[0]
	key := harness.NewKey(t)
	for i, address := range addresses {
		opts := harness.Options{
			Database: database, Listen: address, Args: []string{"--base-url", w.base},
			Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + key},
		}
		if w.clocks != nil {
			opts.Binary, opts.Env = harness.BuildShifted(t), append(opts.Env, harness.Ahead(w.clocks[i]))
		}
		w.servers = append(w.servers, harness.Start(t, opts))
	}
}

// execute runs statements in the database, around the proxy.
func (w *world) execute(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, w.admin)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// ready reports whether each server says that it is.
func (w *world) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, p := range w.servers {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address()+"/readyz", http.NoBody)
		if err != nil {
			return false
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return false
		}
	}
	return true
}
