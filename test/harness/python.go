package harness

import (
	"context"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Python returns the interpreter of the virtual environment with the Python
// clients, which scripts/python.sh makes. It fails the test where that cannot.
func Python(t testing.TB) string {
	t.Helper()
	if out, err := installPython(); err != nil {
		t.Fatalf("scripts/python.sh: %v\n%s", err, out)
	}
	return filepath.Join(moduleRoot(), ".cache", "python", "bin", "python")
}

var installPython = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(moduleRoot(), "scripts", "python.sh")).CombinedOutput()
	return string(out), err
})
