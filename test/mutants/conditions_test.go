package mutants_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// mutant is a condition that is taken out.
type mutant struct {
	name, file, text, replacement string
	folder, test, tags            string // of the test that has to fail
}

const conditions = "test/mutants/conditions"

// all returns the conditions of all lists.
func all(t *testing.T, root string) []mutant {
	t.Helper()
	lists, err := filepath.Glob(filepath.Join(root, conditions, "*.txt"))
	if err != nil || len(lists) == 0 {
		t.Fatal("no lists: ", err)
	}
	var found []mutant
	for _, list := range lists {
		found = append(found, parse(t, string(read(t, list)))...)
	}
	return found
}

// parse reads a list, see the package's comment.
func parse(t *testing.T, text string) (list []mutant) {
	t.Helper()
	for block := range strings.SplitSeq(text, "\n\n") {
		m := mutant{}
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			switch key {
			case "name":
				m.name = value
			case "file":
				m.file = value
			case "-":
				m.text = join(m.text, value)
			case "+":
				m.replacement = join(m.replacement, value)
			case "test":
				m.folder, m.test, _ = strings.Cut(value, " ")
			case "tags":
				m.tags = value
			case "#", "":
			default:
				t.Fatalf("not a line of a list: %q", line)
			}
		}
		if m != (mutant{}) {
			list = append(list, m)
		}
	}
	return list
}

func join(text, line string) string {
	if text == "" {
		return line
	}
	return text + "\n" + line
}

// without returns the text of a file without the condition.
func (m mutant) without(t *testing.T, text string) string {
	t.Helper()
	if n := strings.Count(text, m.text); n != 1 {
		t.Fatalf("%s: %s has the text %d times, want once: %s", m.name, m.file, n, m.text)
	}
	return strings.Replace(text, m.text, m.replacement, 1)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestConditions: each condition of the lists is in the code once, and its test exists. That
// the test notices is for the suite itself, which takes long.
func TestConditions(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	for _, m := range all(t, root) {
		t.Run(m.file+": "+m.name, func(t *testing.T) {
			m.without(t, string(read(t, filepath.Join(root, m.file))))
			for test := range strings.SplitSeq(m.test, "|") {
				name, _, _ := strings.Cut(strings.TrimPrefix(test, "^"), "$")
				if !declared(t, filepath.Join(root, m.folder), name) {
					t.Errorf("%s has no test %s", m.folder, name)
				}
			}
		})
	}
}

// declared reports whether the tests of a folder have a function whose name begins so.
func declared(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.Contains(string(read(t, file)), "func "+name) {
			return true
		}
	}
	return false
}
