package repository_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestWorkflowRunsEveryStep: on GitHub each step of .ci/run runs exactly once. The step
// prerequisites precedes each of them.
func TestWorkflowRunsEveryStep(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	workflow := text(t, root, ".github/workflows/ci.yml")
	_, matrix, found := strings.Cut(workflow, "\n        steps:\n")
	if !found {
		t.Fatal("the workflow has no matrix of steps")
	}
	matrix, _, _ = strings.Cut(matrix, "\n    steps:\n")
	got := []string{"prerequisites"}
	for _, line := range strings.Split(strings.TrimSpace(matrix), "\n") {
		got = append(got, strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "- "))...)
	}
	want := output(t, root, ".ci/run", "--list")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the workflow runs %q, .ci/run --list prints %q", got, want)
	}
}

// TestActionsArePinned: a tag can be moved, a commit cannot.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	pinned := regexp.MustCompile(`uses: [\w/-]+@[0-9a-f]{40} # v\d`)
	for _, file := range files {
		for _, line := range strings.Split(text(t, file), "\n") {
			if strings.Contains(line, "uses:") && !pinned.MatchString(line) {
				t.Errorf("%s: %s", file, strings.TrimSpace(line))
			}
		}
	}
}

// TestDependencyUpdates: every folder with dependencies gets updates, and no other.
func TestDependencyUpdates(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	config := text(t, root, ".github", "dependabot.yml")
	for ecosystem, file := range map[string]string{
		"gomod": "go.mod", "npm": "package-lock.json", "pip": "requirements.in", "docker": "Dockerfile",
	} {
		_, section, _ := strings.Cut(config, "package-ecosystem: "+ecosystem+"\n")
		section, _, _ = strings.Cut(section, "package-ecosystem:")
		got := regexp.MustCompile(`(?:- |directory: )(/\S*)`).FindAllStringSubmatch(section, -1)
		want := folders(t, root, file)
		for _, folder := range want {
			if !slices.ContainsFunc(got, func(m []string) bool { return m[1] == folder }) {
				t.Errorf("dependabot.yml lacks %s %s", ecosystem, folder)
			}
		}
		if len(got) != len(want) {
			t.Errorf("dependabot.yml has %d folders of %s, the repository %d", len(got), ecosystem, len(want))
		}
	}
}

// folders returns the folders that hold a file of that name, as in /test/clients.
func folders(t *testing.T, root, name string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.Name() == name:
			found = append(found, "/"+strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), root)), "/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// text reads a file.
func text(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// output runs a command in a folder and returns the words that it prints.
func output(t *testing.T, dir, name string, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.Fields(string(out))
}
