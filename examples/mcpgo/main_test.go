package main

import (
	"path/filepath"
	"testing"

	"github.com/mcpkeep/mcpkeep"
	"github.com/mcpkeep/mcpkeep/examples/internal/lifetest"
)

func TestLife(t *testing.T) {
	t.Parallel()
	listener, url := lifetest.Listen(t)
	keep, err := mcpkeep.Open(t.Context(), mcpkeep.Config{
		BaseURL: url, DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "example.db"), Provider: mcpkeep.Local(lifetest.Password),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keep.Close(); err != nil {
			t.Error(err)
		}
	})
	lifetest.Serve(t, listener, keep.Handler(greeter()))
	lifetest.Run(t, url+"/mcp", url)
}
