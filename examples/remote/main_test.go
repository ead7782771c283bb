package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mcpkeep/mcpkeep"
	"github.com/mcpkeep/mcpkeep/bearer"
	"github.com/mcpkeep/mcpkeep/examples/internal/lifetest"
)

func TestLife(t *testing.T) {
	t.Parallel()
	database := "sqlite:" + filepath.Join(t.TempDir(), "example.db")
	keeping, issuer := lifetest.Listen(t)
	keep, err := mcpkeep.Open(t.Context(), mcpkeep.Config{
		BaseURL: issuer, DatabaseURL: database, Provider: mcpkeep.Local(lifetest.Password),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keep.Close(); err != nil {
			t.Error(err)
		}
	})
	lifetest.Serve(t, keeping, keep.Handler(nil))

	listener, url := lifetest.Listen(t)
	guard, err := bearer.New(register(t, database, issuer, url+"/mcp"))
	if err != nil {
		t.Fatal(err)
	}
	lifetest.Serve(t, listener, guard.Handler(greeter()))
	lifetest.Run(t, url+"/mcp", issuer)
}

// register is what the administrator does.
func register(t *testing.T, database, issuer, resource string) bearer.Config {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "../../cmd/mcpkeep", "clients", "create",
		"--name", "Greeter", "--resource", resource, "--database-url", database, "--json")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var created struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(out, &created); err != nil {
		t.Fatal(err)
	}
	return bearer.Config{Issuer: issuer, Resource: resource, ClientID: created.ID, ClientSecret: created.Secret}
}
