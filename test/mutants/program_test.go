//go:build mutants

package mutants_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// longest is how long a test may take: one that waits for what never comes has to say so
// itself, as its own failure.
const longest = 5 * time.Minute

// program has the tests of a folder.
type program struct {
	path, folder, goflags string
	passed                map[string]bool // tests that passed with all conditions in place
}

func build(t *testing.T, root string, m mutant, goflags string) program {
	t.Helper()
	p := program{filepath.Join(t.TempDir(), "tests"), filepath.Join(root, m.folder), goflags, map[string]bool{}}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-c", "-tags="+m.tags, "-ldflags=-s -w", "-o", p.path, ".")
	cmd.Dir, cmd.Env = p.folder, p.env("")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("broken: %s does not compile: %v\n%s", m.folder, err, out)
	}
	return p
}

func (p program) env(id string) []string {
	return append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" "+p.goflags), variable+"="+id)
}

func (p program) run(t *testing.T, id, test string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, "-test.run="+test, "-test.timeout="+longest.String())
	cmd.Dir, cmd.Env = p.folder, p.env(id)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// passes runs a condition's test with all conditions in place, once for each test.
func (p program) passes(t *testing.T, m mutant) {
	t.Helper()
	if !p.passed[m.test] {
		p.mustPass(t, m.test)
		p.passed[m.test] = true
	}
}

// mustPass gives a test that depends on the time that it gets a second chance, as CI does.
func (p program) mustPass(t *testing.T, test string) {
	t.Helper()
	out, err := p.run(t, "", test)
	if err != nil {
		out, err = p.run(t, "", test)
	}
	if err != nil || strings.Contains(out, "no tests to run") {
		t.Fatalf("broken: %s does not pass with the conditions: %v\n%s", test, err, out)
	}
}

// stillPasses runs a test again that passed before: had the database gone meanwhile, every
// test would have failed, and noticed nothing.
func (p program) stillPasses(t *testing.T) {
	t.Helper()
	for test := range p.passed {
		p.mustPass(t, test)
		return
	}
}

// fails runs the linked test without a condition, and reports whether it noticed.
func (p program) fails(t *testing.T, m mutant) bool {
	t.Helper()
	out, err := p.run(t, m.id(), m.test)
	switch {
	case err == nil:
		t.Errorf("%s passes without the condition", m.test)
	case broken(out) != "":
		t.Errorf("broken: %s proves nothing: %s\n%s", m.test, broken(out), out)
	default:
		return true
	}
	return false
}
