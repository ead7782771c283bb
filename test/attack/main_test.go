//go:build attack

package attack_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// lasting is how long the flood of registrations lasts.
func lasting(t *testing.T) time.Duration {
	t.Helper()
	value := os.Getenv("MCPKEEP_ATTACK_FOR")
	if value == "" {
		return 35 * time.Second
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		t.Fatalf("MCPKEEP_ATTACK_FOR: %v", err)
	}
	return d
}

// atFullLength reports whether floods are as long as they may be, and not as short as in CI.
func atFullLength() bool { return os.Getenv("MCPKEEP_ATTACK_FOR") != "" }

// honest is how many clients come in the middle of it.
func honest(t *testing.T) int {
	t.Helper()
	value := os.Getenv("MCPKEEP_ATTACK_HONEST")
	if value == "" {
		return 10
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("MCPKEEP_ATTACK_HONEST: %v", err)
	}
	return n
}

func signedIn(t *testing.T, p *harness.Process) *harness.Client {
	t.Helper()
	c, b := harness.NewClient(p.URL, nil), harness.NewBrowser(nil)
	// What is left of an earlier flood may still be worked on.
	if err := obeying(t.Context(), func() error { return c.SignIn(t.Context(), b) }); err != nil {
		t.Fatal(err)
	}
	return c
}
