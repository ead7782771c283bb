package metrics_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/metrics"
)

// TestDocument: the tables of docs/metrics.md name each family that is exposed, with type,
// labels and meaning, and no other one.
func TestDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `mcpkeep_") || strings.HasPrefix(line, "| `go_") || strings.HasPrefix(line, "| `process_") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	families := metrics.Families()
	for i, f := range families {
		labels := ""
		if f.Labels != "" {
			labels = "`" + strings.ReplaceAll(f.Labels, ",", "`, `") + "`"
		}
		want := "| `" + f.Name + "` | " + string(f.Kind) + " | " + labels + " | " + f.Help + " |"
		if i >= len(rows) || rows[i] != want {
			t.Fatalf("row %d of the tables should be\n%s", i+1, want)
		}
	}
	for _, extra := range rows[len(families):] {
		t.Errorf("not exposed: %s", extra)
	}
}
