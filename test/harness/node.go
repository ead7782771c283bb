package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// installTimeout bounds the installation of clients from a package registry.
const installTimeout = 5 * time.Minute

// NodeDir returns the folder of the npm package with the clients and the
// conformance suite: see [NodePackage].
func NodeDir(t testing.TB) string {
	t.Helper()
	return NodePackage(t, "test", "clients", "node")
}

// NodePackage returns the folder of an npm package below the module's root,
// installed as its lockfile says. It fails the test where there is no npm:
// scripts/node.sh provides one.
func NodePackage(t testing.TB, path ...string) string {
	t.Helper()
	dir := filepath.Join(append([]string{Root(t)}, path...)...)
	if out, err := installNode(dir); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

// Node returns the Node.js to run the package with: the package's own where its
// installation could fetch it, otherwise the system's.
func Node(dir string) string {
	own := filepath.Join(dir, "node_modules", "node", "bin", "node")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return "node"
}

// PackageVersion is the version of an installed npm package.
func PackageVersion(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(NodeDir(t), "node_modules", filepath.FromSlash(name), "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	return manifest.Version
}

var nodeInstalled sync.Mutex

// installNode installs what the lockfile says, unless that is installed already.
func installNode(dir string) (string, error) {
	nodeInstalled.Lock()
	defer nodeInstalled.Unlock()
	unlock, err := lockFile(dir + ".lock") // npm ci empties the folder: suites run next to each other
	if err != nil {
		return "", err
	}
	defer unlock()
	stamp := filepath.Join(dir, "node_modules", ".installed")
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", err
	}
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, lock) {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return string(out), err
	}
	return "", os.WriteFile(stamp, lock, 0o600)
}

// lockFile waits until no other process has locked a file, and locks it until the process ends
// or unlocks it.
func lockFile(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}
