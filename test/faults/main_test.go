//go:build faults

package faults_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

var update = flag.Bool("update", false, "write the table into docs/operations.md")

func TestMain(m *testing.M) { harness.Main(m) }

// lasting is how long each fault is repeated; it comes at least once.
func lasting(t *testing.T) time.Duration {
	t.Helper()
	value := os.Getenv("MCPKEEP_FAULTS_FOR")
	if value == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		t.Fatalf("MCPKEEP_FAULTS_FOR: %v", err)
	}
	return d
}
