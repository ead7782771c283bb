package rekey

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestBatches: a client's row is not locked together with rows of its sessions, which are
// locked in the order of their bytes, whatever order the database sorts texts in.
func TestBatches(t *testing.T) {
	t.Parallel()
	client, other := fastmcp.ClientKey("a"), fastmcp.ClientKey("b")
	upper, lower, session := "mcp-jti-mappings:B", "mcp-jti-mappings:a", "mcp-upstream-tokens:a"
	var writes []writeParams
	for _, key := range []string{lower, upper, client, other, session} {
		writes = append(writes, writeParams{RowID: key})
	}
	for name, c := range map[string]struct {
		column sealedColumn
		want   [][]string
	}{
		"shared": {sealedColumn{shared: new(keyring.Keyring)}, [][]string{{client, other}, {upper, lower, session}}},
		"ours":   {sealedColumn{}, [][]string{{lower, upper, client, other, session}}},
	} {
		var got [][]string
		for _, batch := range batches(c.column, writes) {
			var keys []string
			for _, w := range batch {
				keys = append(keys, w.RowID)
			}
			got = append(got, keys)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
