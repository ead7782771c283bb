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

// id is what the environment calls a condition by.
func (m mutant) id() string { return m.file + ": " + m.name }

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
