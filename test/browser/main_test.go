//go:build browser

package browser_test

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// patience bounds each test's work in the browser.
const patience = 90 * time.Second

// built is the path of the program, once a test has needed it.
var built atomic.Value

// TestMain ends the browser before the process does, which harness.Main leaves
// no room for.
func TestMain(m *testing.M) {
	status := m.Run()
	chromium.close()
	if path, ok := built.Load().(string); ok {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

// keep is a running server.
type keep struct{ url string }

// start runs the program on a free port until the test ends.
func start(t *testing.T, env ...string) keep {
	t.Helper()
	built.Store(harness.Build(t))
	p := harness.Start(t, harness.Options{Database: harness.SQLite(t), Listen: "127.0.0.1:0", Env: env})
	return keep{p.URL}
}
