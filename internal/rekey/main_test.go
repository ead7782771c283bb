package rekey_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

func TestMain(m *testing.M) {
	dbtest.Main(m, map[string]dbtest.Role{"rotate-keys": playRotateKeys})
}
