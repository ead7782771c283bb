//go:build faults

package faults_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
)

// fault is a way of breaking things. It begins, is repeated meanwhile, and ends.
type fault struct {
	name  string
	world func(t *testing.T) *world
	cuts  bool          // requests may go without an answer
	holds time.Duration // how long it lasts
	quiet bool          // no one needs to notice

	begin func(ctx context.Context, w *world) error
	again func(ctx context.Context, w *world) error // every so often while it lasts; may be nil
	end   func(ctx context.Context, w *world) error
}

const (
	short = 3 * time.Second
	long  = 6 * time.Second // longer than it takes to notice
)

// network are the faults that a proxy makes, for the network before or behind the servers.
func network(where string, setUp func(*testing.T) *world, front bool, proxies func(*world) []*pgtest.Proxy) []fault {
	each := func(do func(*pgtest.Proxy)) func(context.Context, *world) error {
		return func(_ context.Context, w *world) error {
			for _, p := range proxies(w) {
				do(p)
			}
			return nil
		}
	}
	var list []fault
	for _, f := range []struct {
		name         string
		holds        time.Duration
		begin, again func(*pgtest.Proxy)
	}{
		{"each packet 100 ms late", short, func(p *pgtest.Proxy) { p.Slow(100 * time.Millisecond) }, nil},
		{"packets lost, sent again after 400 ms", short, func(p *pgtest.Proxy) { p.Lose(400 * time.Millisecond) }, nil},
		{"connections cut again and again", short, (*pgtest.Proxy).Cut, (*pgtest.Proxy).Cut},
		{"connections half-closed", short, (*pgtest.Proxy).HalfClose, (*pgtest.Proxy).HalfClose},
		{"connections refused", short, (*pgtest.Proxy).Refuse, nil},
		{"black hole", long, (*pgtest.Proxy).BlackHole, nil},
	} {
		made := fault{name: where + ": " + f.name, world: setUp, cuts: front, holds: f.holds, begin: each(f.begin), end: each((*pgtest.Proxy).Heal)}
		if f.again != nil {
			made.again = each(f.again)
		}
		list = append(list, made)
	}
	return list
}

// all are the faults, in the order of the table.
func all() []fault {
	list := network("database's network", behindProxy, false, func(w *world) []*pgtest.Proxy { return []*pgtest.Proxy{w.database} })
	list = append(list, commits()...)
	list = append(list, network("clients' network", frontProxies, true, func(w *world) []*pgtest.Proxy { return w.front })...)
	return append(append(list, databases()...), processes()...)
}

// commits are lost with their connections.
func commits() []fault {
	const most = 1 << 30
	lose := func(how func(*pgtest.Proxy, int64)) func(context.Context, *world) error {
		return func(_ context.Context, w *world) error {
			how(w.database, most)
			return nil
		}
	}
	heal := func(_ context.Context, w *world) error {
		w.database.Heal()
		return nil
	}
	return []fault{
		{name: "cut after every COMMIT", world: behindProxy, holds: short, begin: lose((*pgtest.Proxy).CutAfterCommit), end: heal},
		{name: "cut before every second COMMIT", world: behindProxy, holds: short, begin: lose((*pgtest.Proxy).CutBeforeCommit), end: heal},
	}
}

// always begins and ends nothing: the fault is the world's.
func always(context.Context, *world) error { return nil }

// processes are stopped, killed, and continued, and their clocks differ.
func processes() []fault {
	first := func(sig syscall.Signal) func(context.Context, *world) error {
		return func(_ context.Context, w *world) error { return syscall.Kill(w.servers[0].PID(), sig) }
	}
	restart := func(_ context.Context, w *world) error {
		w.servers[0].Kill9() // and wait
		return w.servers[0].Restart()
	}
	onPostgres := func(t *testing.T) *world {
		t.Helper()
		w := &world{admin: pgtest.New(t)}
		w.serve(t, w.admin, replicas)
		return w
	}
	return []fault{
		{name: "server paused (SIGSTOP)", world: onPostgres, holds: long, begin: first(syscall.SIGSTOP), end: first(syscall.SIGCONT)},
		{name: "three servers' clocks five minutes apart", world: clocksApart, holds: short, quiet: true, begin: always, end: always},
		{name: "server killed", world: onPostgres, cuts: true, holds: time.Second, begin: first(syscall.SIGKILL), end: restart},
		{name: "SQLite: server paused (SIGSTOP)", world: onFile, holds: short, begin: first(syscall.SIGSTOP), end: first(syscall.SIGCONT)},
		{name: "SQLite: server killed", world: onFile, cuts: true, holds: time.Second, begin: first(syscall.SIGKILL), end: restart},
		{name: "SQLite: file replaced by a copy", world: onFile, holds: short, begin: replaceFile, end: restoreFile},
	}
}
