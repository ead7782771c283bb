//go:build conformance

package conformance_test

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const suitePackage = "@modelcontextprotocol/conformance"

// check is one line of what the suite found.
type check struct {
	ID      string `json:"id"`
	Status  string `json:"status"` // SUCCESS, FAILURE, WARNING, SKIPPED or INFO
	Message string `json:"errorMessage"`
}

// failed reports whether it is a failure for the suite's baseline.
func (c check) failed() bool { return c.Status == "FAILURE" || c.Status == "WARNING" }

// outcome is a run of the suite.
type outcome struct {
	printed string
	err     error              // of its exit status
	checks  map[string][]check // by scenario
}

// runSuite runs the suite and follows its output line by line.
func runSuite(t *testing.T, follow func(line string), args ...string) outcome {
	t.Helper()
	dir, out := harness.NodeDir(t), t.TempDir()
	program := filepath.Join("node_modules", suitePackage, "dist", "index.js")
	if args[0] != "list" { // which has nothing to write
		args = append(args, "-o", out)
	}
	cmd := exec.CommandContext(t.Context(), harness.Node(dir), append([]string{program}, args...)...)
	cmd.Dir = dir
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := read(stdout, follow)
	err = cmd.Wait()
	return outcome{printed: printed, err: err, checks: readChecks(t, out)}
}

func read(stdout io.Reader, follow func(line string)) string {
	var printed strings.Builder
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		printed.WriteString(lines.Text() + "\n")
		follow(lines.Text())
	}
	return printed.String()
}

// readChecks reads the files that the suite writes, one for each scenario.
func readChecks(t *testing.T, out string) map[string][]check {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(out, "*", "checks.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]check{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var checks []check
		if err := json.Unmarshal(text, &checks); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[scenarioOf(filepath.Base(filepath.Dir(file)))] = checks
	}
	return all
}

// The suite names a scenario's folder after mode, scenario and time.
var folder = regexp.MustCompile(`^(?:authorization-server-|server-)?(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$`)

func scenarioOf(dir string) string {
	if m := folder.FindStringSubmatch(dir); m != nil {
		return m[1]
	}
	return dir
}

// assertAllSucceeded checks that exactly these scenarios ran and that none of
// their checks did anything but succeed.
func (o outcome) assertAllSucceeded(t *testing.T, scenarios ...string) {
	t.Helper()
	if have := slices.Sorted(maps.Keys(o.checks)); !slices.Equal(have, slices.Sorted(slices.Values(scenarios))) {
		t.Errorf("scenarios %q, want %q:\n%s", have, scenarios, o.printed)
	}
	for scenario, checks := range o.checks {
		for _, c := range checks {
			t.Logf("%s: %s %s", scenario, c.Status, c.ID)
			if c.Status != "SUCCESS" {
				t.Errorf("%s: %s: %s %s", scenario, c.ID, c.Status, c.Message)
			}
		}
	}
}

// counts are the checks that passed and that failed.
func (o outcome) counts() (passed, failed int) {
	for _, checks := range o.checks {
		for _, c := range checks {
			switch {
			case c.Status == "SUCCESS":
				passed++
			case c.failed():
				failed++
			}
		}
	}
	return passed, failed
}

// suiteVersion is that of the installed package.
func suiteVersion(t *testing.T) string {
	t.Helper()
	return harness.PackageVersion(t, suitePackage)
}
