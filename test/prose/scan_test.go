package prose_test

import (
	"testing"

	"github.com/mcpkeep/mcpkeep/test/prose"
)

// TestCheck: words are found in the parts of each kind of file that people read,
// across line breaks, with their line.
func TestCheck(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		file, content string
		found         string // "" for nothing
		line          int
	}{
		"document":            {"a.md", "# Title\n\nThe sessions go\non.", "go on", 3},
		"page":                {"a.html", "<p>Nobody’s</p>", "Nobody’s", 1},
		"string":              {"a.go", "package a\n\nvar a = \"register anew\"", "anew", 3},
		"comment":             {"a.go", "package a\n\n// a is kept for\n// ever.\nvar a = 1", "for ever", 3},
		"comment after code":  {"a.go", "package a\n\nvar a = 1 // at once", "at once", 3},
		"identifier":          {"a.go", "package a\n\nvar anew = somebody()", "", 0},
		"comments with code":  {"a.go", "package a\n\nvar a = 1 // at\n\n// once a day", "", 0},
		"comment of SQL":      {"a.sql", "SELECT 1;\n-- Who is of\n-- the group.", "is of", 2},
		"statement of SQL":    {"a.sql", "SELECT nobody FROM anew;", "", 0},
		"comment of make":     {"Makefile", "a: ## list\n# Whoever runs it\n", "Whoever", 2},
		"British spelling":    {"a.md", "behaviour", "behaviour", 1},
		"part of a word":      {"a.md", "recommend, amend, besides, is often", "", 0},
		"words that are used": {"a.md", "Fix it again, forever.", "", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := prose.Check(c.file, c.content)
			switch {
			case c.found == "" && len(found) > 0:
				t.Errorf("found %+v, want nothing", found)
			case c.found != "" && (len(found) != 1 || found[0].Found != c.found || found[0].Line != c.line):
				t.Errorf("found %+v, want %q on line %d", found, c.found, c.line)
			}
		})
	}
}
