package cloudrun_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// path is that of a file in deploy/cloudrun.
func path(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(harness.Root(t), "deploy", "cloudrun", name)
}

// text reads a file in deploy/cloudrun.
func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(path(t, name))
	must(t, err)
	return string(b)
}
