package prose_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/prose"
)

const root = "../.."

// skipped are folders and files that are not ours to word.
var skipped = []string{
	".git/", ".cache/", "bin/", "test/prose/", // the words themselves
	"docs/requirements.md", "test/requirements/requirements.tsv", // quotes specifications
	"internal/db/pgdb/", "internal/db/sqlitedb/", // generated from sql/queries, which is checked
}

// kinds are the files that are checked, by the end of their names.
var kinds = []string{".md", ".html", ".go", ".sql", ".sh", ".yml", ".yaml", "Makefile", "Dockerfile", ".ci/run"}

// TestProse: no file contains a word that the project does not use, except where
// exceptions.txt gives the reason, and every exception is needed.
func TestProse(t *testing.T) {
	t.Parallel()
	allowed := exceptions(t)
	used := make(map[exception]bool)
	checked := 0
	for _, name := range files(t) {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		checked++
		for _, f := range prose.Check(name, string(content)) {
			e := exception{name, strings.ToLower(f.Found)}
			if allowed[e] {
				used[e] = true
				continue
			}
			t.Errorf("%s:%d: %q; write: %s", name, f.Line, f.Found, f.Instead)
		}
	}
	if checked < 300 { // the walk found the repository
		t.Errorf("only %d files were checked", checked)
	}
	for e := range allowed {
		if !used[e] {
			t.Errorf("exceptions.txt: %q no longer occurs in %s", e.phrase, e.file)
		}
	}
}

// exception is a phrase that one file may contain.
type exception struct{ file, phrase string }

// exceptions reads exceptions.txt: lines of file, phrase and reason, separated by " | ".
func exceptions(t *testing.T) map[exception]bool {
	t.Helper()
	text, err := os.ReadFile("exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	allowed := make(map[exception]bool)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || cells[2] == "" {
			t.Fatalf("exceptions.txt: %q is not file | phrase | reason", line)
		}
		allowed[exception{cells[0], strings.ToLower(cells[1])}] = true
	}
	return allowed
}

// files returns the files to check, relative to the root.
func files(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			if entry.Name() == "testdata" || entry.Name() == "node_modules" || slices.Contains(skipped, name+"/") {
				return filepath.SkipDir
			}
			return nil
		}
		isKind := func(kind string) bool { return strings.HasSuffix(name, kind) }
		if slices.ContainsFunc(kinds, isKind) && !slices.Contains(skipped, name) {
			list = append(list, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
