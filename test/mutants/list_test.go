//go:build mutants

package mutants_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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

// changed leaves the conditions that are not as they were at a commit, and those whose code,
// or the file with the test, differs from it.
func changed(t *testing.T, root string, list []mutant, commit string) []mutant {
	t.Helper()
	files := strings.Fields(git(t, root, "diff", "--name-only", commit))
	var before []mutant
	for name := range strings.FieldsSeq(git(t, root, "ls-tree", "-r", "--name-only", commit, conditions)) {
		before = append(before, parse(t, git(t, root, "show", commit+":"+name))...)
	}
	return slices.DeleteFunc(list, func(m mutant) bool {
		return slices.Contains(before, m) && !slices.Contains(files, m.file) &&
			!slices.ContainsFunc(files, func(f string) bool { return m.testedIn(root, f) })
	})
}

// testedIn reports whether a file has the linked test.
func (m mutant) testedIn(root, file string) bool {
	if filepath.Dir(file) != m.folder || !strings.HasSuffix(file, "_test.go") {
		return false
	}
	source, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return false // a file that is gone has no test
	}
	for name := range strings.SplitSeq(m.test, "|") {
		name, _, _ = strings.Cut(strings.TrimPrefix(name, "^"), "$")
		if strings.Contains(string(source), "func "+name) {
			return true
		}
	}
	return false
}

// id is what the environment calls a condition by.
func (m mutant) id() string { return m.file + ": " + m.name }

func git(t *testing.T, root string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
