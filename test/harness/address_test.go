package harness_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const taken = 1000

// TestFreeAddressesDiffer: two test programs that take ports at the same time have none in
// common, although nothing listens on them.
func TestFreeAddressesDiffer(t *testing.T) {
	t.Parallel()
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTakeAddresses$")
	other.Env = append(os.Environ(), "MCPKEEP_TEST_TAKE_ADDRESSES=1")
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range taken {
		seen[harness.FreeAddress(t)] = true
	}
	lines := bufio.NewScanner(stdout)
	for range taken {
		if !lines.Scan() {
			t.Fatalf("the other program ended early: %v", lines.Err())
		}
		seen[lines.Text()] = true
	}
	_ = stdin.Close()
	_, _ = io.Copy(io.Discard, stdout)
	if err := other.Wait(); err != nil || len(seen) != 2*taken {
		t.Errorf("%d different addresses of %d, %v", len(seen), 2*taken, err)
	}
}

// TestTakeAddresses is the other program: it has its ports until its input ends.
func TestTakeAddresses(t *testing.T) {
	if os.Getenv("MCPKEEP_TEST_TAKE_ADDRESSES") == "" {
		t.Skip("run by TestFreeAddressesDiffer")
	}
	for range taken {
		fmt.Println(harness.FreeAddress(t)) //nolint:forbidigo // the other program reads it
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
