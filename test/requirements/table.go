package requirements

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed requirements.tsv
var table string

// Requirement is a row of the table.
type Requirement struct {
	ID, Text string
	// Reason says why it does not apply, or cannot be shown by a test; "" means
	// that a test must show it.
	Reason string
}

// Section is a part of the table.
type Section struct {
	Title        string
	Requirements []Requirement
}

// Sections reads the table: "# TITLE" or "ID<tab>TEXT<tab>REASON" on each line.
func Sections() ([]Section, error) {
	var sections []Section
	for n, line := range strings.Split(strings.TrimSuffix(table, "\n"), "\n") {
		if title, ok := strings.CutPrefix(line, "# "); ok {
			sections = append(sections, Section{Title: title})
			continue
		}
		cells := strings.Split(line, "\t")
		if len(cells) != 3 || len(sections) == 0 || cells[0] == "" || cells[1] == "" {
			return nil, fmt.Errorf("requirements.tsv:%d: want ID, text and reason, separated by tabs", n+1)
		}
		last := &sections[len(sections)-1]
		last.Requirements = append(last.Requirements, Requirement{ID: cells[0], Text: cells[1], Reason: cells[2]})
	}
	return sections, nil
}

const head = `# Requirements and their tests

Generated from the names and comments of the tests by
` + "`go -C test test ./requirements -update`" + `. The tests fail if this page is out of date or a
requirement has neither a test nor a reason. Tests name requirements by the IDs below.
`

// Document renders docs/requirements.md, which lies one folder below the root.
func Document(sections []Section, tests map[string][]Test) string {
	var b strings.Builder
	b.WriteString(head)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n| ID | Requirement | Covered by |\n|---|---|---|\n", s.Title)
		for _, r := range s.Requirements {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.ID, strings.ReplaceAll(r.Text, "|", `\|`), shownBy(r, tests[r.ID]))
		}
	}
	return b.String()
}

// most is how many tests a row names.
const most = 4

func shownBy(r Requirement, tests []Test) string {
	var cells []string
	if r.Reason != "" {
		cells = append(cells, r.Reason)
	}
	for _, t := range tests[:min(len(tests), most)] {
		cells = append(cells, fmt.Sprintf("[%s](../%s)", t.Name, t.File))
	}
	if len(tests) > most {
		cells = append(cells, fmt.Sprintf("%d more", len(tests)-most))
	}
	return strings.Join(cells, ", ")
}
