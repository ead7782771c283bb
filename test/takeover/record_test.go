//go:build takeover

package takeover_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// update makes TestRecordings write what it saw. `make testdata/fastmcp` does that for all
// versions.
var update = flag.Bool("update", false, "write the recordings of internal/fastmcp")

// recording is what FastMCP issued at a sign-in and stored for it, with the secrets of the
// test. The tests of internal/fastmcp read it.
type recording struct {
	Version      string        `json:"version"`
	RecordedAt   time.Time     `json:"recorded_at"`
	BaseURL      string        `json:"base_url"`
	ClientSecret string        `json:"client_secret"`
	Key          string        `json:"key"`
	Access       string        `json:"access"`
	Refresh      string        `json:"refresh"`
	Client       string        `json:"client"`
	Rows         []recordedRow `json:"rows"`
}

type recordedRow struct {
	Collection string          `json:"collection"`
	Key        string          `json:"key"`
	Value      json.RawMessage `json:"value"`
}

// TestRecordings: FastMCP of each version stores rows of the same collections, with the same
// members, as the recordings that the tests without Python read.
func TestRecordings(t *testing.T) {
	t.Parallel()
	for _, version := range running() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, 8*time.Hour)
			serve(t, version, d.setup)
			c := newClient(t, version, d.url()+"/mcp", d.gh.URL)
			c.call("ping", "pong", 1)
			seen := d.record(t, version, c.tokens())
			file := filepath.Join(harness.Root(t), "internal", "fastmcp", "testdata", "recorded", version+".json")
			if *update {
				seen.write(t, file)
			}
			var kept recording
			data, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(data, &kept)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(kept.shape(t), seen.shape(t)); diff != "" {
				t.Errorf("%s (-recorded +seen):\n%s", file, diff)
			}
		})
	}
}

// record returns what FastMCP issued and stored.
func (d *deployment) record(t *testing.T, version string, h held) recording {
	t.Helper()
	text := func(name string) string { value, _ := d.setup[name].(string); return value }
	r := recording{
		Version: version, RecordedAt: time.Now().UTC().Truncate(time.Second), BaseURL: d.url(), ClientSecret: text("clientSecret"),
		Key: text("key"), Access: h.Access, Refresh: h.Refresh, Client: h.Client,
	}
	const query = "SELECT substr(key, 1, instr(key, ':') - 1), substr(key, instr(key, ':') + 1), value FROM oauth_clients ORDER BY key"
	for _, row := range dbtest.Rows(t, dbtest.SQL(t, d.options.Database), query) {
		r.Rows = append(r.Rows, recordedRow{row[0], row[1], json.RawMessage(row[2])})
	}
	return r
}

func (r recording) write(t *testing.T, file string) {
	t.Helper()
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(data, '\n'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// shape is the members of the rows, by collection, with the kind of each value.
func (r recording) shape(t *testing.T) map[string][]map[string]string {
	t.Helper()
	keys, err := keyring.Parse(r.Key)
	if err != nil {
		t.Fatal(err)
	}
	shape := map[string][]map[string]string{}
	for _, row := range r.Rows {
		var members map[string]any
		plaintext, err := fastmcp.Open(keys, row.Value)
		if err == nil {
			err = json.Unmarshal(plaintext, &members)
		}
		if err != nil {
			t.Fatalf("%s: %v", row.Collection, err)
		}
		kinds := map[string]string{}
		for name, value := range members {
			kinds[name] = kindOf(value)
		}
		shape[row.Collection] = append(shape[row.Collection], kinds)
	}
	return shape
}

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}
