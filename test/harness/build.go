package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Main runs a package's tests and removes what [Build] made. Call it from TestMain.
func Main(m *testing.M) {
	status := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(status)
}

var built struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// Build returns the path of the binary, built once for each test process. With
// the race detector in the tests, the binary has it too.
func Build(t testing.TB) string {
	t.Helper()
	built.once.Do(func() { built.path, built.err = build() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func build() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "mcpkeep-test-")
	if err != nil {
		return "", err
	}
	built.dir = dir
	// Tests also run it as a user without rights.
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "mcpkeep")
	args := []string{"build", "-o", path}
	if raceDetector {
		// As the Makefile has it: what SQLite's translated C does is not watched.
		args = append(args, "-race", "-gcflags=modernc.org/sqlite/lib=-race=false", "-gcflags=modernc.org/libc=-race=false")
	}
	cmd := exec.Command("go", append(args, "./cmd/mcpkeep")...) //nolint:noctx // shared by tests with contexts of their own
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/mcpkeep: %w\n%s", err, out)
	}
	return path, nil
}

// ModuleVersion is the version of a module that the program is made with. The go
// command knows; a test binary does not.
func ModuleVersion(t testing.TB, module string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", module)
	cmd.Dir = Root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
