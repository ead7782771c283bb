package console

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"github.com/mcpkeep/mcpkeep/internal/display"
)

const (
	// longest is the number of characters of a value that are shown.
	longest = 4096
	// measured is the number of rows that set the widths of the columns: a list may be
	// larger than memory.
	measured = 1000
	// narrowest is the width to which a column may be cut.
	narrowest = 12
	gap       = "  "
)

// Column is a column of a table. On a narrow terminal the values of a column that may
// be cut are shortened; ids, which are there to be copied, never are.
type Column struct {
	Title string
	Cut   bool
}

// Table writes rows in aligned columns.
type Table struct {
	out     io.Writer
	columns []Column
	width   int // of the terminal, 0 for none
	waiting [][]string
	widths  []int // set once the first rows are written
	err     error
}

// NewTable returns a table on out. chars is the width of the terminal in characters; with 0
// nothing is cut.
func NewTable(out io.Writer, chars int, columns ...Column) *Table {
	return &Table{out: out, columns: columns, width: chars}
}

func (c *Console) table(columns ...Column) *Table { return NewTable(c.Out, c.Width, columns...) }

// Add adds a row, with a dash for an empty value and without characters that a terminal
// would interpret. It returns the error of an earlier or this write.
func (t *Table) Add(values ...string) error {
	row := make([]string, len(values))
	for i, v := range values {
		if row[i] = display.Line(v, longest); row[i] == "" {
			row[i] = "-"
		}
	}
	t.waiting = append(t.waiting, row)
	if t.widths != nil || len(t.waiting) == measured {
		t.flush()
	}
	return t.err
}

// End writes what is left, or the sentence empty if there was no row. It returns the
// error of any write.
func (t *Table) End(empty string) error {
	if t.widths == nil && len(t.waiting) == 0 {
		_, t.err = fmt.Fprintln(t.out, empty)
		return t.err
	}
	t.flush()
	return t.err
}

func (t *Table) flush() {
	if t.widths == nil {
		titles := make([]string, len(t.columns))
		for i, c := range t.columns {
			titles[i] = c.Title
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

// measure sets the widths of the columns. On a narrow terminal, the widest columns that
// may be cut shrink.
func (t *Table) measure() {
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
			if c.Cut && t.widths[i] > narrowest && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

func (t *Table) write(row []string) {
	var b strings.Builder
	for i, v := range row {
		if t.width > 0 && t.columns[i].Cut {
			v = CutCells(v, t.widths[i])
		}
		b.WriteString(v)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", max(0, t.widths[i]-cells(v))) + gap)
		}
	}
	_, t.err = fmt.Fprintln(t.out, b.String())
}

// cells returns the number of terminal cells that a text takes.
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

// CutCells shortens a text to a number of terminal cells, ending in an ellipsis.
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

// Time formats a time for people: in UTC, to the second. It is "" for the zero time.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
