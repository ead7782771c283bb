package keyring_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// createFileAt makes a child process of the tests create a key file and print
// what came of it.
const createFileAt = "KEYRING_TEST_CREATE_FILE_AT"

func TestMain(m *testing.M) {
	path := os.Getenv(createFileAt)
	if path == "" {
		os.Exit(m.Run())
	}
	created, err := keyring.CreateFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	spec, err := keyring.ReadFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(created, spec)
}
