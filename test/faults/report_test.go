//go:build faults

package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	tableBegin, tableEnd = "<!-- faults -->", "<!-- /faults -->"
	tableHead            = `| Fault | Times | Acknowledged | Asked to wait | Unanswered | Lost | Revoked but alive | Wrong | Longest answer | Recovery |
|---|---|---|---|---|---|---|---|---|---|
`
)

// report prints the table, and writes it into the document when asked to.
func report(t *testing.T, faults []fault, tallies []*tally) {
	t.Helper()
	var table strings.Builder
	table.WriteString(tableHead)
	missing := 0
	for i, f := range faults {
		if tallies[i] == nil {
			missing++
			continue
		}
		table.WriteString(row(f, tallies[i]))
	}
	fmt.Println(table.String())
	if !*update {
		return
	}
	if missing > 0 || t.Failed() {
		t.Fatalf("the document is not updated: %d faults did not run, or one failed", missing)
	}
	writeTable(t, table.String())
}

func row(f fault, c *tally) string {
	return fmt.Sprintf("| %s, for %v | %d | %d | %d | %d | %d | %d | %d | %v | %v |\n", f.name, f.holds, c.rounds,
		c.acknowledged, c.unavailable, c.unanswered, c.lost, c.alive, c.wrong, seconds(c.longestAnswer), seconds(c.recovery))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// writeTable replaces the table in docs/operations.md.
func writeTable(t *testing.T, table string) {
	t.Helper()
	path := filepath.Join(harness.Root(t), "docs", "operations.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), tableBegin)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	text = []byte(before + tableBegin + "\n\n" + table + "\n" + tableEnd + after)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
