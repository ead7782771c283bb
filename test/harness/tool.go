package harness

import (
	"os"
	"testing"
)

// EnvRequireTools is the variable that makes a missing tool a failure.
const EnvRequireTools = "MCPKEEP_REQUIRE_TOOLS"

// Missing skips a test whose documented steps use a tool that is not installed, or fails it
// where tools are required.
func Missing(t testing.TB, tool string) {
	t.Helper()
	if os.Getenv(EnvRequireTools) != "" {
		t.Fatalf("%s is required", tool)
	}
	t.Skipf("needs %s, which the documented steps use", tool)
}
