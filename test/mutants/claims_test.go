package mutants_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const exceptions = "test/mutants/claims.txt"

var (
	link = regexp.MustCompile(`\[(\w+)\]\(\.\./([\w/.-]+\.go)\)`)
	// attack is a row of docs/requirements.md about an attack, such as C4.
	attack = regexp.MustCompile(`(?m)^\| ([A-E]\d+) \| .* \|$`)
	// contractCase is a case of the storage contract, which runs as a test of internal/repo.
	contractCase = regexp.MustCompile(`\t\{"([^"/]+)`)
)

// TestClaims: of the tests that a threat or an attack links to, one at least is known to
// notice when what it shows is not so. Nothing is excused that is shown.
func TestClaims(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	list, excused := all(t, root), map[string]bool{}
	for line := range strings.Lines(string(read(t, filepath.Join(root, exceptions)))) {
		if name, _, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(line, "#") {
			excused[name] = true
		}
	}
	found := claims(t, root)
	if len(found) < 80 {
		t.Errorf("%d claims", len(found))
	}
	for name, text := range found {
		shown, links := false, link.FindAllStringSubmatch(text, -1)
		for _, l := range links {
			for _, m := range list {
				shown = shown || m.tests(t, root, l[2], l[1])
			}
		}
		switch {
		case len(links) == 0 || shown == !excused[name]:
		case shown:
			t.Errorf("%s: a condition shows %q, which is excused", exceptions, name)
		default:
			t.Errorf("%s: no condition of %s names one of %v", name, conditions, links)
		}
		delete(excused, name)
	}
	for name := range excused {
		t.Errorf("%s: nothing is called %q", exceptions, name)
	}
}

// claims are the texts of threats by their titles, and of attacks by their IDs.
func claims(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, threat := range strings.Split(string(read(t, filepath.Join(root, "docs", "security.md"))), "\n- **")[1:] {
		threat, _, _ = strings.Cut(threat, "\n\n")
		title, _, _ := strings.Cut(threat, "**")
		found[strings.Join(strings.Fields(title), " ")] = threat
	}
	for _, row := range attack.FindAllStringSubmatch(string(read(t, filepath.Join(root, "docs", "requirements.md"))), -1) {
		found[row[1]] = row[0]
	}
	return found
}

// tests reports whether the test of a condition is the one of this name in a file, or one of
// its cases.
func (m mutant) tests(t *testing.T, root, file, name string) bool {
	t.Helper()
	if strings.Contains(file, "/storagetest/") {
		return m.folder == "internal/repo" && m.testsContract(string(read(t, filepath.Join(root, file))))
	}
	if m.folder != filepath.ToSlash(filepath.Dir(file)) {
		return false
	}
	for test := range strings.SplitSeq(m.test, "|") {
		test, _, _ = strings.Cut(test, "/")
		if regexp.MustCompile(test).MatchString(name) {
			return true
		}
	}
	return false
}

// testsContract reports whether a condition's test is a case that a file of the storage
// contract has.
func (m mutant) testsContract(source string) bool {
	for test := range strings.SplitSeq(m.test, "|") {
		parts := strings.Split(test, "/")
		if parts[0] != "^TestContract$" || len(parts) < 3 {
			continue
		}
		for _, c := range contractCase.FindAllStringSubmatch(source, -1) {
			if regexp.MustCompile(parts[2]).MatchString(c[1]) {
				return true
			}
		}
	}
	return false
}
