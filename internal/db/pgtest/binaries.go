package pgtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Environment variables that steer this package.
const (
	// EnvAdminDSN holds the DSN of a running server to use instead of a new one;
	// its role must be allowed to create databases.
	EnvAdminDSN = "MCPKEEP_TEST_POSTGRES"
	// EnvBin names the folder with initdb and postgres; no other is looked at.
	EnvBin = "MCPKEEP_TEST_POSTGRES_BIN"
	// EnvRequire, when not empty, makes tests fail that would be skipped
	// because there is no PostgreSQL.
	EnvRequire = "MCPKEEP_REQUIRE_POSTGRES"
)

// ErrNotFound says that this machine has no PostgreSQL server.
var ErrNotFound = errors.New("no PostgreSQL server binaries (initdb and postgres)")

// Available reports where New finds PostgreSQL: "$MCPKEEP_TEST_POSTGRES", or
// the folder of the server's binaries. The error wraps ErrNotFound and says
// how to get them.
func Available() (where string, err error) {
	if os.Getenv(EnvAdminDSN) != "" {
		return "$" + EnvAdminDSN, nil
	}
	return Binaries()
}

// Required reports whether the lack of PostgreSQL is a failure.
func Required() bool { return os.Getenv(EnvRequire) != "" }

// installed are the folders in which packages put the binaries, outside PATH.
var installed = []string{
	"/usr/lib/postgresql/*/bin", // Debian
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
}

// Binaries returns the folder with initdb and postgres from which Start makes
// clusters. The error wraps ErrNotFound and says how to get them.
func Binaries() (string, error) {
	if dir := os.Getenv(EnvBin); dir != "" {
		if !hasServer(dir) {
			return "", fmt.Errorf("%w in %s, which %s names", ErrNotFound, dir, EnvBin)
		}
		return dir, nil
	}
	for _, dir := range candidates() {
		if hasServer(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%w: run scripts/postgres.sh, or set %s to their folder", ErrNotFound, EnvBin)
}

// candidates lists the folders that may have the binaries, best first.
func candidates() []string {
	var dirs []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// The server finds its libraries next to the real file, not the link.
		if file, err := filepath.EvalSymlinks(initdb); err == nil {
			dirs = append(dirs, filepath.Dir(file))
		}
	}
	for _, pattern := range installed {
		dirs = append(dirs, newestFirst(pattern)...)
	}
	return append(dirs, cached()...)
}

// newestFirst expands a pattern and sorts by the version in the path.
func newestFirst(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return versionIn(b) - versionIn(a) })
	return dirs
}

var number = regexp.MustCompile(`\d+`)

func versionIn(path string) int {
	n, err := strconv.Atoi(number.FindString(path))
	if err != nil {
		return 0
	}
	return n
}

// cached lists the bin folders below .cache/postgres of the module's root,
// where scripts/postgres.sh unpacks what it cannot install.
func cached() []string {
	var dirs []string
	root, err := moduleRoot()
	if err != nil {
		return nil
	}
	_ = filepath.WalkDir(filepath.Join(root, ".cache", "postgres"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "initdb" && filepath.Base(filepath.Dir(path)) == "bin" {
			dirs = append(dirs, filepath.Dir(path))
		}
		return nil // a folder that cannot be read has nothing to offer
	})
	return dirs
}

// moduleRoot is the nearest folder upwards with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fs.ErrNotExist
		}
		dir = parent
	}
}

func hasServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}
