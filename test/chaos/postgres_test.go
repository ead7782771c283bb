//go:build chaos

package chaos_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	recoverySoon = 10 * time.Second
	// longestAnswer is how long a request may hang with the database.
	longestAnswer = 12 * time.Second
	// rememberedFor is more than the time for which answers of the database are
	// remembered.
	rememberedFor = time.Second / 2
)

// assertMigratedOnce checks that the schema table has each version once.
func assertMigratedOnce(t *testing.T, dsn string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var rows, versions, newest int
	err = conn.QueryRow(t.Context(), `SELECT COUNT(*), COUNT(DISTINCT version_id), MAX(version_id)
		FROM mcpkeep_schema_version WHERE version_id > 0`).Scan(&rows, &versions, &newest)
	if err != nil {
		t.Fatal(err)
	}
	if rows == 0 || rows != versions || newest != versions {
		t.Errorf("%d rows for %d versions up to %d, want one each", rows, versions, newest)
	}
}

// TestDatabaseStops stops PostgreSQL under a running server, first in order,
// then as a crash does.
func TestDatabaseStops(t *testing.T) {
	t.Parallel()
	// Test clusters do not care for durability unless they are told to.
	cluster := pgtest.NewCluster(t, pgtest.Setting("fsync", "on"), pgtest.Setting("synchronous_commit", "on"),
		pgtest.Setting("full_page_writes", "on"))
	p := harness.Start(t, harness.Options{
		Database: cluster.DSN(), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)},
	})
	for _, immediate := range []bool{false, true} {
		c, unseen := signedIn(t, p), signedIn(t, p)
		if _, err := c.Call(t.Context(), "whoami"); err != nil {
			t.Fatal(err)
		}
		if err := cluster.Stop(immediate); err != nil {
			t.Fatal(err)
		}
		assertAway(t, p, c, unseen)
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
		assertBack(t, p, c, unseen)
	}
	assertNo500(t, p)
}

// TestDatabaseFreezes makes PostgreSQL stop answering without closing anything,
// as a cut network does.
func TestDatabaseFreezes(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	p := harness.Start(t, harness.Options{
		Database: cluster.DSN(), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)},
	})
	c, unseen := signedIn(t, p), signedIn(t, p)
	if _, err := c.Call(t.Context(), "whoami"); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	assertAway(t, p, c, unseen)
	cluster.Resume()
	assertBack(t, p, c, unseen)
	assertNo500(t, p)
}

// assertAway checks what a server does without its database.
func assertAway(t *testing.T, p *harness.Process, seen, unseen *harness.Client) {
	t.Helper()
	time.Sleep(rememberedFor) // until then who a client is needs no database
	began := time.Now()
	who, err := seen.Call(t.Context(), "whoami")
	if err != nil {
		t.Errorf("a call with a token seen lately: %v", err)
	}
	assertTook(t, "a call with a token seen lately", time.Since(began))
	if who["client_id"] != seen.ID {
		t.Errorf("whoami without the database: %v", who)
	}
	for what, step := range map[string]func() error{
		"register":                   func() error { return harness.NewClient(p.URL, nil).Register(t.Context()) },
		"refresh":                    func() error { return seen.Refresh(t.Context()) },
		"revoke":                     func() error { return unseen.Revoke(t.Context(), unseen.RefreshToken) },
		"call with a token not seen": func() error { _, err := unseen.Call(t.Context(), "whoami"); return err },
	} {
		began := time.Now()
		assertUnavailable(t, what, step())
		assertTook(t, what, time.Since(began))
	}
	assertAnswersAway(t, p, seen)
}

// assertTook logs how long an answer took, and checks that.
func assertTook(t *testing.T, what string, took time.Duration) {
	t.Helper()
	t.Logf("%s: answered after %v", what, took.Round(time.Millisecond))
	if took > longestAnswer {
		t.Errorf("%s: took %v, more than %v", what, took, longestAnswer)
	}
}

// assertAnswersAway checks the plain GETs.
func assertAnswersAway(t *testing.T, p *harness.Process, c *harness.Client) {
	t.Helper()
	for target, want := range map[string]int{
		p.URL + "/readyz":  http.StatusServiceUnavailable,
		p.URL + "/healthz": http.StatusOK,
		p.URL + "/.well-known/oauth-authorization-server": http.StatusOK,
		c.AuthorizeURL(): http.StatusServiceUnavailable,
	} {
		a := get(t.Context(), t, target)
		if a.status != want {
			t.Errorf("%s: status %d, want %d: %v", target, a.status, want, a.body)
		}
		if want == http.StatusServiceUnavailable && a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", target)
		}
		assertTook(t, path(target), a.took)
	}
}

// path is a URL's path, for messages.
func path(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return target
	}
	return u.Path
}

// assertBack checks that everything works again, without a restart.
func assertBack(t *testing.T, p *harness.Process, clients ...*harness.Client) {
	t.Helper()
	took := within(t, recoverySoon, "/readyz with the database back", func() bool {
		return get(t.Context(), t, p.URL+"/readyz").status == http.StatusOK
	})
	t.Logf("ready again %v after the database", took.Round(time.Millisecond))
	for _, c := range clients {
		if err := c.Refresh(t.Context()); err != nil {
			t.Errorf("refresh with the database back: %v", err)
		}
		if _, err := c.Call(t.Context(), "whoami"); err != nil {
			t.Errorf("call with the database back: %v", err)
		}
	}
}
