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
	files, before := strings.Fields(git(t, root, "diff", "--name-only", commit)), listed(t, root, commit)
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

// commits is how far back newestFirst looks.
const commits = "200"

// newestFirst sorts conditions by how lately their code, or the file with the test, changed.
// Those that are not in the lists of a commit come before all others.
func newestFirst(t *testing.T, root string, list []mutant, commit string) []mutant {
	t.Helper()
	before, age := listed(t, root, commit), ages(t, root)
	rank := map[mutant]int{}
	for _, m := range list {
		if !slices.Contains(before, m) {
			continue
		}
		rank[m] = len(age)
		for file, at := range age {
			if file == m.file || m.testedIn(root, file) {
				rank[m] = min(rank[m], at)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b mutant) int { return rank[a] - rank[b] })
	return list
}

// ages are numbers of files, lower for those that changed later.
func ages(t *testing.T, root string) map[string]int {
	t.Helper()
	age := map[string]int{}
	for file := range strings.FieldsSeq(git(t, root, "log", "-n", commits, "--format=", "--name-only")) {
		if _, known := age[file]; !known {
			age[file] = len(age) + 1
		}
	}
	return age
}

// listed are the conditions that a commit has.
func listed(t *testing.T, root, commit string) (list []mutant) {
	t.Helper()
	for name := range strings.FieldsSeq(git(t, root, "ls-tree", "-r", "--name-only", commit, conditions)) {
		list = append(list, parse(t, git(t, root, "show", commit+":"+name))...)
	}
	return list
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
