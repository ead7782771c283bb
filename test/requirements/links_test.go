package requirements_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var testLink = regexp.MustCompile(`\[(\w+)\]\(\.\./([\w/.-]+\.go)\)`)

// TestLinksToTests: what the documents name as proof is there.
func TestLinksToTests(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(documents) == 0 {
		t.Fatal(err)
	}
	found := 0
	for _, document := range documents {
		text := read(t, document)
		for _, link := range testLink.FindAllStringSubmatch(text, -1) {
			found++
			name, file := link[1], link[2]
			source := read(t, filepath.Join(root, file))
			if !strings.Contains(source, "func "+name+"(") && !strings.Contains(source, ") "+name+"(") && !strings.Contains(source, "var "+name+" ") {
				t.Errorf("%s: %s is not in %s", document, name, file)
			}
		}
	}
	if found < 300 {
		t.Errorf("%d links looked at", found)
	}
}

// TestEveryThreatIsShown: each entry of the threat model names a test.
func TestEveryThreatIsShown(t *testing.T) {
	t.Parallel()
	threats := strings.Split(read(t, filepath.Join(root, "docs", "security.md")), "\n- **")[1:]
	if len(threats) < 20 {
		t.Errorf("%d threats", len(threats))
	}
	for _, threat := range threats {
		threat, _, _ = strings.Cut(threat, "\n\n")
		if !testLink.MatchString(threat) {
			t.Errorf("no test shows: %s", threat)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEveryPackageIsPlaced: who looks for a package's place in the whole finds it.
func TestEveryPackageIsPlaced(t *testing.T) {
	t.Parallel()
	text := read(t, filepath.Join(root, "docs", "development.md"))
	packages, err := filepath.Glob(filepath.Join(root, "internal", "*"))
	if err != nil || len(packages) < 10 {
		t.Fatal(packages, err)
	}
	for _, folder := range packages {
		if name := "internal/" + filepath.Base(folder) + "/ "; !strings.Contains(text, "\n"+name) {
			t.Errorf("docs/development.md does not list %s", name)
		}
	}
}
