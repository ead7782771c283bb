//go:build upgrade

package upgrade_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/upgrade"
)

// TestShallowClone: the message says what to do.
func TestShallowClone(t *testing.T) {
	t.Parallel()
	shallow := t.TempDir()
	clone := exec.CommandContext(t.Context(), "git", "clone", "--quiet", "--depth", "1", "file://"+harness.Root(t), shallow)
	if out, err := clone.CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	for dir, want := range map[string]string{
		shallow:         "this clone is shallow and has no release HEAD~1: run git fetch --unshallow --tags",
		harness.Root(t): "",
		t.TempDir():     "is not a git clone",
	} {
		_, err := upgrade.Repository{Dir: dir}.Commit(t.Context(), "HEAD~1")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
	if _, err := (upgrade.Repository{Dir: harness.Root(t)}).Commit(t.Context(), "v999.0.0"); err == nil || !strings.Contains(err.Error(), "has no release v999.0.0") {
		t.Errorf("an unknown tag: %v", err)
	}
}
