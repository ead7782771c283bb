//go:build takeover

package takeover_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// recording is what FastMCP issued at a sign-in and stored for it, with the secrets of the
// test. The tests of internal/fastmcp read it.
type recording struct {
	Version      string        `json:"version"`
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

// record writes a recording into the directory that MCPKEEP_TEST_RECORD names, if it does.
func record(t *testing.T, version string, d *deployment, h held) {
	t.Helper()
	folder := os.Getenv("MCPKEEP_TEST_RECORD")
	if folder == "" {
		return
	}
	text := func(name string) string { value, _ := d.setup[name].(string); return value }
	r := recording{
		Version: version, BaseURL: d.url(), ClientSecret: text("clientSecret"), Key: text("key"), Access: h.Access, Refresh: h.Refresh, Client: h.Client,
	}
	query := "SELECT substr(key, 1, instr(key, ':') - 1), substr(key, instr(key, ':') + 1), value FROM oauth_clients ORDER BY key"
	if strings.Contains(d.options.Database, "://") {
		query = "SELECT collection, key, value FROM kv_store ORDER BY collection, key"
	}
	for _, row := range dbtest.Rows(t, dbtest.SQL(t, d.options.Database), query) {
		r.Rows = append(r.Rows, recordedRow{row[0], row[1], json.RawMessage(row[2])})
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, version+".json"), append(data, '\n'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
