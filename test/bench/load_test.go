//go:build bench

package bench_test

import (
	"bytes"
	"encoding/json"
	"iter"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// row is a row of oauth_clients.
type row struct {
	key, value string
	at         time.Time
}

// example is a client as they register.
func example(id string) storage.Client {
	return storage.Client{
		ID: id, CreatedAt: time.Now().Truncate(time.Second),
		Client: metadata.Client{
			Name:            "Claude Code",
			URI:             "https://claude.ai/code",
			Scope:           "mcp offline_access",
			AuthMethod:      "none",
			RedirectURIs:    []string{"http://localhost:33418/callback", "http://127.0.0.1:33418/callback"},
			GrantTypes:      []string{"authorization_code", "refresh_token"},
			ResponseTypes:   []string{"code"},
			ApplicationType: "native",
		},
	}
}

// rows makes the rows of the database's clients. Each value is sealed for itself;
// what is sealed is what the store wrote for the first client, under another id.
func (d *database) rows(t *testing.T) iter.Seq[row] {
	t.Helper()
	first := clientID(0)
	must(t, d.store.CreateClient(t.Context(), example(first)))
	value, _ := d.bare.find(t, key(first))
	plaintext := get(fastmcp.Open(d.keys, json.RawMessage(value)))(t)
	return func(yield func(row) bool) {
		at := time.Now().UTC().Truncate(time.Second)
		for i := 1; i < d.clients; i++ {
			id := clientID(i)
			sealed := get(fastmcp.Seal(d.keys, bytes.ReplaceAll(plaintext, []byte(first), []byte(id))))(t)
			if !yield(row{key(id), string(sealed), at.Add(time.Duration(-i) * time.Second)}) {
				return
			}
		}
	}
}
