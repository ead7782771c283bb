//go:build clients

package clients_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// way is a way for a client to be known to the server.
type way struct {
	key           string
	name          string // for people
	registrations int    // by the client itself
	// introduce makes the client known and returns what its application is told.
	introduce func(*testing.T, *harness.Process, setup) setup
}

func ways() []way {
	return []way{
		{
			key: "registration", name: "registration", registrations: 1,
			introduce: func(_ *testing.T, _ *harness.Process, s setup) setup { return s },
		},
	}
}
