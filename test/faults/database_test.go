//go:build faults

package faults_test

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

const (
	thisDatabase = `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I `
	endThis      = `', current_database()); END $$`

	beReadOnly  = thisDatabase + `SET default_transaction_read_only = on` + endThis
	beWritable  = thisDatabase + `RESET default_transaction_read_only` + endThis
	endSessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
	// allowWrites: the session of the administrator is read-only as well.
	allowWrites = `SET default_transaction_read_only = off`
)

// databases are the faults of PostgreSQL itself.
func databases() []fault {
	run := func(statements ...string) func(context.Context, *world) error {
		return func(ctx context.Context, w *world) error { return w.execute(ctx, statements...) }
	}
	nothing := func(context.Context, *world) error { return nil }
	return []fault{
		{name: "database read-only", world: behindProxy, holds: long, begin: run(allowWrites, beReadOnly, endSessions), end: run(allowWrites, beWritable)},
		{name: "backends terminated again and again", world: behindProxy, holds: short, begin: run(endSessions), again: run(endSessions), end: nothing},
		{name: "database paused (SIGSTOP)", world: onCluster, holds: long,
			begin: func(ctx context.Context, w *world) error { return w.cluster.Pause(ctx) },
			end: func(_ context.Context, w *world) error {
				w.cluster.Resume()
				return nil
			}},
		{name: "database crashed", world: onCluster, holds: short,
			begin: func(_ context.Context, w *world) error { return w.cluster.Stop(true) },
			end:   func(_ context.Context, w *world) error { return w.cluster.Start() }},
		{name: "failover to a synchronous standby", world: withStandby, holds: short,
			begin: func(_ context.Context, w *world) error { return w.cluster.Stop(true) },
			end:   failOver},
	}
}

// withStandby are servers that know a primary and its standby.
func withStandby(t *testing.T) *world {
	t.Helper()
	w := &world{cluster: pgtest.NewCluster(t, durable...)}
	var err error
	w.standby, err = w.cluster.Standby(t.Context())
	if errors.Is(err, pgtest.ErrNotFound) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	standby := w.standby
	t.Cleanup(func() {
		if err := standby.Close(); err != nil {
			t.Error(err)
		}
	})
	w.serve(t, bothHosts(t, w.cluster, w.standby), replicas)
	return w
}

// bothHosts is a URL that lists two servers.
func bothHosts(t *testing.T, clusters ...*pgtest.Cluster) string {
	t.Helper()
	var hosts, ports []string
	var u *url.URL
	for _, c := range clusters {
		var err error
		if u, err = url.Parse(c.DSN()); err != nil {
			t.Fatal(err)
		}
		hosts, ports = append(hosts, u.Query().Get("host")), append(ports, u.Query().Get("port"))
	}
	q := u.Query()
	q.Set("host", strings.Join(hosts, ","))
	q.Set("port", strings.Join(ports, ","))
	u.RawQuery = q.Encode()
	return u.String()
}

// failOver makes the standby the primary, and a new standby of the old primary once the
// servers have found the new one.
func failOver(ctx context.Context, w *world) error {
	err := w.standby.Promote(ctx)
	w.cluster, w.standby = w.standby, w.cluster
	return err
}

// replaceFile puts a copy in the place of the SQLite file.
func replaceFile(_ context.Context, w *world) error {
	if err := os.Rename(w.file, w.file+".open"); err != nil {
		return err
	}
	from, err := os.Open(w.file + ".open")
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(w.file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// restoreFile puts the file back that the server has open.
func restoreFile(_ context.Context, w *world) error { return os.Rename(w.file+".open", w.file) }
