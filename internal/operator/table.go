package operator

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"github.com/mcpkeep/mcpkeep/internal/text"
)

const (
	// longest is how many characters of a value are shown at all.
	longest = 4096
	// measured is how many rows a table waits for to find the widths of its columns:
	// a list may be longer than the memory.
	measured = 1000
	// narrowest is how far a column is cut on a terminal.
	narrowest = 12
	gap       = "  "
)

// column is a column of a table. A value of one that may be cut can still be
// recognised then; ids, which are there to be copied, are never cut.
type column struct {
	title string
	cut   bool
}

// table writes rows in aligned columns.
type table struct {
	out     io.Writer
	columns []column
	width   int // of the terminal, 0 for none
	waiting [][]string
	widths  []int // known once the first rows were written
	err     error
}

func (c *Console) table(columns ...column) *table {
	return &table{out: c.Out, columns: columns, width: c.Width}
}

// add adds a row. Its values are made fit to be shown.
func (t *table) add(values ...string) error {
	row := make([]string, len(values))
	for i, v := range values {
		if row[i] = text.Line(v, longest); row[i] == "" {
			row[i] = "-"
		}
	}
	t.waiting = append(t.waiting, row)
	if t.widths != nil || len(t.waiting) == measured {
		t.flush()
	}
	return t.err
}

// end writes what is left, or a sentence when there was no row at all.
func (t *table) end(empty string) error {
	if t.widths == nil && len(t.waiting) == 0 {
		_, t.err = fmt.Fprintln(t.out, empty)
		return t.err
	}
	t.flush()
	return t.err
}

func (t *table) flush() {
	if t.widths == nil {
		titles := make([]string, len(t.columns))
		for i, c := range t.columns {
			titles[i] = c.title
		}
		t.waiting = append([][]string{titles}, t.waiting...)
		t.measure()
	}
	for _, row := range t.waiting {
		if t.err == nil {
			t.write(row)
		}
	}
	t.waiting = t.waiting[:0]
}

// measure finds the widths of the columns. On a terminal that is too narrow the
// widest of those that may be cut give way.
func (t *table) measure() {
	t.widths = make([]int, len(t.columns))
	total := len(gap) * (len(t.columns) - 1)
	for i := range t.columns {
		for _, row := range t.waiting {
			t.widths[i] = max(t.widths[i], cells(row[i]))
		}
		total += t.widths[i]
	}
	for ; t.width > 0 && total > t.width; total-- {
		widest := -1
		for i, c := range t.columns {
			if c.cut && t.widths[i] > narrowest && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

func (t *table) write(row []string) {
	var b strings.Builder
	for i, v := range row {
		if t.width > 0 && t.columns[i].cut {
			v = CutCells(v, t.widths[i])
		}
		b.WriteString(v)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", max(0, t.widths[i]-cells(v))) + gap)
		}
	}
	_, t.err = fmt.Fprintln(t.out, b.String())
}

// cells is how many cells of a terminal a text takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += cellsOf(r)
	}
	return n
}

func cellsOf(r rune) int {
	if unicode.Is(unicode.M, r) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// CutCells shortens a text to a number of cells of a terminal, the last of which is an
// ellipsis.
func CutCells(s string, limit int) string {
	if cells(s) <= limit {
		return s
	}
	n := 1
	for i, r := range s {
		if n += cellsOf(r); n > limit {
			return s[:i] + "…"
		}
	}
	return s
}

// clock is a time for people, in UTC to the minute.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}
