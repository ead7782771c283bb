//go:build chaos

package chaos_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// refused runs serve, which must not start: one line on standard error that
// holds all of the texts, and the exit status.
func refused(t *testing.T, status int, env, args []string, texts ...string) harness.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := harness.Run(ctx, t, append(env, "MCPKEEP_LISTEN=127.0.0.1:0", "MCPKEEP_LOG_LEVEL=error"), append([]string{"serve"}, args...)...)
	if r.Status != status {
		t.Errorf("exit status %d, want %d", r.Status, status)
	}
	if strings.Count(strings.TrimSpace(r.Stderr), "\n") != 0 || r.Stdout != "" {
		t.Errorf("want one line on standard error, nothing on standard output:\n%s%s", r.Stdout, r.Stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.Stderr, text) {
			t.Errorf("the line lacks %q: %s", text, r.Stderr)
		}
	}
	t.Logf("status %d after %v: %s", r.Status, r.Took.Round(time.Millisecond), strings.TrimSpace(r.Stderr))
	return r
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env, args []string
		texts     []string
	}{
		"unknown flag":          {args: []string{"--no-such-flag"}, texts: []string{"--no-such-flag"}},
		"unknown argument":      {args: []string{"something"}, texts: []string{"something"}},
		"duration":              {env: []string{"MCPKEEP_ACCESS_TOKEN_TTL=soon"}, texts: []string{"MCPKEEP_ACCESS_TOKEN_TTL", "soon"}},
		"duration out of range": {env: []string{"MCPKEEP_ACCESS_TOKEN_TTL=48h"}, texts: []string{"MCPKEEP_ACCESS_TOKEN_TTL", "24h"}},
		"log level":             {args: []string{"--log-level", "loud"}, texts: []string{"MCPKEEP_LOG_LEVEL", "loud", "debug"}},
		"provider":              {env: []string{"MCPKEEP_PROVIDER=carrier-pigeon"}, texts: []string{"MCPKEEP_PROVIDER", "carrier-pigeon", "github"}},
		"base URL":              {env: []string{"MCPKEEP_BASE_URL=https://mcp.example.com/path"}, texts: []string{"MCPKEEP_BASE_URL"}},
		"public without base":   {args: []string{"--listen", "0.0.0.0:0"}, texts: []string{"MCPKEEP_BASE_URL", "required"}},
		"listen address":        {args: []string{"--listen", "here"}, texts: []string{"MCPKEEP_LISTEN", "here"}},
		"database URL":          {env: []string{"DATABASE_URL=mysql://root@localhost/db"}, texts: []string{"DATABASE_URL", "sqlite"}},
		"key":                   {env: []string{"MCPKEEP_ENCRYPTION_KEYS=short"}, texts: []string{"MCPKEEP_ENCRYPTION_KEYS", "Fernet"}},
		"github without id":     {env: []string{"MCPKEEP_PROVIDER=github"}, texts: []string{"MCPKEEP_GITHUB_CLIENT_ID"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := refused(t, 2, c.env, c.args, c.texts...)
			for _, secret := range []string{"=short", "=secret"} {
				if strings.Contains(r.Stderr, secret) {
					t.Errorf("the line shows a secret: %s", r.Stderr)
				}
			}
		})
	}
}

// TestWrongKey starts with another key than the database needs.
func TestWrongKey(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			opts := engine.Options(t)
			p := harness.Start(t, opts)
			signedIn(t, p)
			p.Kill9()
			wrong := harness.NewKey(t)
			r := refused(t, 1, []string{"DATABASE_URL=" + opts.Database, "MCPKEEP_ENCRYPTION_KEYS=" + wrong}, nil, "key")
			if strings.Contains(r.Stderr, wrong) {
				t.Errorf("the line shows the key: %s", r.Stderr)
			}
			// With the right key nothing is lost.
			if err := p.Restart(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMissingKeyFile takes the key file away from an existing database.
func TestMissingKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "mcpkeep.key")
	opts := harness.Options{Database: "sqlite:" + filepath.Join(dir, "mcpkeep.db")}
	p := harness.Start(t, opts)
	c := signedIn(t, p)
	p.Kill9()
	info, err := os.Stat(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("the key file has mode %o, want 600", mode)
	}
	if err := os.Rename(keyFile, keyFile+".away"); err != nil {
		t.Fatal(err)
	}
	refused(t, 1, []string{"DATABASE_URL=" + opts.Database}, nil, "mcpkeep.key", "missing")
	if _, err := os.Stat(keyFile); err == nil {
		t.Error("a new key file was made, which opens nothing")
	}
	if err := os.Rename(keyFile+".away", keyFile); err != nil {
		t.Fatal(err)
	}
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDatabaseDownAtStart: a start without the database waits for a bounded
// time and then says what it waited for.
func TestDatabaseDownAtStart(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	if err := cluster.Stop(false); err != nil {
		t.Fatal(err)
	}
	r := refused(t, 1, []string{"DATABASE_URL=" + cluster.DSN(), "MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}, nil, "gave up")
	if r.Took < 5*time.Second || r.Took > 45*time.Second {
		t.Errorf("gave up after %v, want about half a minute", r.Took)
	}
}

// TestDatabaseLateAtStart: a database that comes during the wait is used.
func TestDatabaseLateAtStart(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	if err := cluster.Stop(false); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(3*time.Second, func() {
		if err := cluster.Start(); err != nil {
			t.Error(err)
		}
	})
	p := harness.Start(t, harness.Options{
		Database: cluster.DSN(), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)},
	})
	t.Logf("ready %v after the start, with the database 3s late", p.StartedIn.Round(time.Millisecond))
	signedIn(t, p)
}
