package harness

import (
	"os"
	"testing"
	"time"
)

// Outage is how long something is away: usually the given time, and what
// MCPKEEP_TEST_OUTAGE says, such as 1m.
func Outage(t testing.TB, usually time.Duration) time.Duration {
	t.Helper()
	value := os.Getenv("MCPKEEP_TEST_OUTAGE")
	if value == "" {
		return usually
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		t.Fatalf("MCPKEEP_TEST_OUTAGE: %v", err)
	}
	return d
}
