//go:build upgrade

package upgrade_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/upgrade"
)

var from = flag.String("from", "", "comma-separated commits to upgrade from instead of those in releases.txt")

func TestMain(m *testing.M) { harness.Main(m) }

// release is an earlier version of the program.
type release struct{ name, commit string }

// releases returns those to upgrade from. With an empty list, the test has nothing to
// do and says so.
func releases(t *testing.T, repo upgrade.Repository) []release {
	t.Helper()
	names, err := upgrade.Releases()
	if err != nil {
		t.Fatalf("releases.txt: %v", err)
	}
	if *from != "" {
		names = strings.Split(*from, ",")
	}
	if len(names) == 0 {
		t.Skip("releases.txt names no release yet; -from COMMIT upgrades from any commit")
	}
	all := make([]release, 0, len(names))
	for _, name := range names {
		commit, err := repo.Commit(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, release{name, commit})
	}
	return all
}

// TestUpgrade: a client that signed in at a release refreshes and calls after the
// present program took over its database and key.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	repo := upgrade.Repository{Dir: harness.Root(t)}
	for _, r := range releases(t, repo) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			binary := build(t, repo, r.commit)
			for _, engine := range harness.Engines() {
				t.Run(engine.Name, func(t *testing.T) {
					t.Parallel()
					takeOver(t, engine, binary)
				})
			}
		})
	}
}

// build builds the program of a release, whatever module its tests are in. Without paths in
// it, the next test gets it from the go command's cache.
func build(t *testing.T, repo upgrade.Repository, commit string) string {
	t.Helper()
	source, binary := t.TempDir(), filepath.Join(t.TempDir(), "mcpkeep")
	if err := repo.Checkout(t.Context(), commit, source); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-trimpath", "-o", binary, "./cmd/mcpkeep")
	cmd.Dir = source
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build of %s: %v\n%s", commit, err, out)
	}
	return binary
}

func takeOver(t *testing.T, engine harness.Engine, binary string) {
	t.Helper()
	ctx := t.Context()
	opts := engine.Options(t)
	opts.Binary = binary
	p := harness.Start(t, opts)
	client := harness.NewClient(p.URL, nil)
	if err := client.SignIn(ctx, harness.NewBrowser(nil)); err != nil {
		t.Fatalf("sign in at the release: %v", err)
	}
	before, err := client.Call(ctx, "whoami")
	if err != nil {
		t.Fatalf("call the release: %v", err)
	}
	if status := p.Term(); status != 0 {
		t.Fatalf("the release ended with status %d", status)
	}

	p.SetBinary(harness.Build(t))
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Call(ctx, "whoami"); err != nil {
		t.Errorf("call with the release's access token: %v", err)
	}
	access := client.AccessToken
	if err := client.Refresh(ctx); err != nil {
		t.Fatalf("refresh: %v", err)
	}
	after, err := client.Call(ctx, "whoami")
	if err != nil {
		t.Fatalf("call after the refresh: %v", err)
	}
	if client.AccessToken == access || after["user_id"] != before["user_id"] || after["connection_id"] != before["connection_id"] {
		t.Errorf("before %v, after %v", before, after)
	}
	// Its registration is as good as its tokens.
	if err := client.SignIn(ctx, harness.NewBrowser(nil)); err != nil {
		t.Errorf("sign in again: %v", err)
	}
}

// TestReleasedMigrations: each migration of a release is unchanged, byte for byte.
func TestReleasedMigrations(t *testing.T) {
	t.Parallel()
	repo := upgrade.Repository{Dir: harness.Root(t)}
	for _, r := range releases(t, repo) {
		migrations, err := repo.Migrations(t.Context(), r.commit)
		if err != nil || len(migrations) == 0 {
			t.Fatalf("%s has %d migrations: %v", r.name, len(migrations), err)
		}
		for name, released := range migrations {
			present, err := os.ReadFile(filepath.Join(repo.Dir, "sql", "schema", name))
			if err != nil {
				t.Errorf("%s of release %s: %v", name, r.name, err)
			} else if string(present) != released {
				t.Errorf("%s is different from the one in release %s: restore it and add a new migration", name, r.name)
			}
		}
	}
}
