//go:build cloud

package cloud_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// setting returns a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
