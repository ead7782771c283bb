package harness

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// rootLine begins the go.mod of the program's module. The suites are a module of
// their own, whose go.mod lies between them and that one.
var rootLine = []byte("module github.com/mcpkeep/mcpkeep\n")

// Root returns the folder of the program's module, above the working directory. Tests
// run in the folder of their package, also when the build trims paths.
func Root(t testing.TB) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

var moduleRoot = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(text, rootLine) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod of mcpkeep above the working directory")
		}
		dir = parent
	}
})
