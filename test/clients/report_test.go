//go:build clients

package clients_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// row is what was seen of one client that is known in one way.
type row struct {
	library library
	version string
	way     way
	seen    [steps]outcome
}

// report collects rows.
type report struct {
	mu   sync.Mutex
	rows []row
}

func (r *report) add(seen row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, seen)
}

// markdown is a table of the rows in the order of libraries and ways, and the
// reasons for what is not plain.
func (r *report) markdown() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b, notes strings.Builder
	var reasons []string
	fmt.Fprintf(&b, "| Client | Version | Known by | %s |\n|%s\n", strings.Join(stepNames[:], " | "), strings.Repeat("---|", 3+int(steps)))
	for _, row := range r.sorted() {
		fmt.Fprintf(&b, "| %s (`%s`) | %s | %s |", row.library.name, row.library.pkg, row.version, row.way.name)
		for s, how := range row.seen {
			fmt.Fprintf(&b, " %s%s |", how, note(&reasons, row.library.expected(row.way, step(s)).reason))
		}
		b.WriteString("\n")
	}
	for i, reason := range reasons {
		fmt.Fprintf(&notes, "%d. %s\n", i+1, reason)
	}
	return b.String() + "\n" + notes.String()
}

// note numbers a reason.
func note(reasons *[]string, reason string) string {
	if reason == "" {
		return ""
	}
	i := slices.Index(*reasons, reason)
	if i < 0 {
		i = len(*reasons)
		*reasons = append(*reasons, reason)
	}
	return fmt.Sprintf(" (%d)", i+1)
}

func (r *report) sorted() []row {
	var sorted []row
	for _, lib := range libraries() {
		for _, w := range ways() {
			for _, row := range r.rows {
				if row.library.key == lib.key && row.way.name == w.name {
					sorted = append(sorted, row)
				}
			}
		}
	}
	return sorted
}
