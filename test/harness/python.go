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
	return filepath.Join(Root(t), ".cache", "python", "bin", "python")
}

var installPython = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(root, "scripts", "python.sh")).CombinedOutput()
	return string(out), err
})
