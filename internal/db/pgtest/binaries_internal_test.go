package pgtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// install puts files that look like a server's binaries into dir.
func install(t *testing.T, dir string, names ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// module makes a module's root with a package folder and works in the latter.
func module(t *testing.T) (root string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pkg := filepath.Join(root, "internal", "pkg")
	if err := os.MkdirAll(pkg, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(pkg)
	return root
}

func withInstalled(t *testing.T, patterns ...string) {
	t.Helper()
	before := installed
	installed = patterns
	t.Cleanup(func() { installed = before })
}

func TestCandidatesInOrder(t *testing.T) {
	root := module(t)
	target := install(t, filepath.Join(root, "opt", "bin"), "initdb")
	path := install(t, filepath.Join(root, "path"))
	if err := os.Symlink(filepath.Join(target, "initdb"), filepath.Join(path, "initdb")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", path)
	// Versions count as numbers: 9 is older than 15.
	t.Chdir(root)
	for _, version := range []string{"9", "16", "15"} {
		install(t, filepath.Join("lib", version, "bin"))
	}
	install(t, filepath.Join("brew", "postgresql@14", "bin"))
	withInstalled(t, "lib/*/bin", "brew/postgresql*/bin")
	kept := install(t, filepath.Join(root, ".cache", "postgres", "some", "depth", "bin"), "initdb")
	want := []string{target, "lib/16/bin", "lib/15/bin", "lib/9/bin", "brew/postgresql@14/bin", kept}
	if diff := cmp.Diff(want, candidates()); diff != "" {
		t.Errorf("candidates (-want +got):\n%s", diff)
	}
}

func TestBinariesAreTheFirstCompleteOnes(t *testing.T) {
	root := module(t)
	t.Setenv(EnvBin, "")
	t.Setenv("PATH", install(t, filepath.Join(root, "client-only"), "initdb"))
	withInstalled(t)
	want := install(t, filepath.Join(root, ".cache", "postgres", "bin"), "initdb", "postgres")
	got, err := Binaries()
	if got != want || err != nil {
		t.Errorf("Binaries() = %q, %v, want %q", got, err, want)
	}
}

func TestBinariesOfTheNamedFolder(t *testing.T) {
	root := module(t)
	withInstalled(t)
	t.Setenv("PATH", install(t, filepath.Join(root, "path"), "initdb", "postgres"))
	named := install(t, filepath.Join(root, "named"), "initdb", "postgres")
	t.Setenv(EnvBin, named)
	got, err := Binaries()
	if got != named || err != nil {
		t.Errorf("Binaries() = %q, %v, want %q", got, err, named)
	}
}

func TestBinariesMissingSaysWhatToDo(t *testing.T) {
	module(t)
	t.Setenv(EnvBin, "")
	t.Setenv("PATH", "")
	withInstalled(t)
	_, err := Binaries()
	const want = "no PostgreSQL server binaries (initdb and postgres): " +
		"run scripts/postgres.sh, or set MCPKEEP_TEST_POSTGRES_BIN to their folder"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestWithDatabase(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"postgres://u@/postgres?host=%2Ftmp%2Fx&port=5432": "postgres://u@/new?host=%2Ftmp%2Fx&port=5432",
		"postgresql://u:p@h:1/postgres?sslmode=require":    "postgresql://u:p@h:1/new?sslmode=require",
		"postgres://h":           "postgres://h/new",
		"host=/tmp/x user=u":     "host=/tmp/x user=u dbname=new",
		"dbname=postgres host=h": "dbname=postgres host=h dbname=new",
	}
	for dsn, want := range tests {
		if got := withDatabase(dsn, "new"); got != want {
			t.Errorf("withDatabase(%q) = %q, want %q", dsn, got, want)
		}
	}
}
