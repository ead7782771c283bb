package cloudrun_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// gcloud writes its arguments down, a line for each call. It says that nothing exists, or that
// everything does when EXISTS is set.
const gcloud = `#!/bin/sh
case " $* " in
*" describe "*) [ -n "$EXISTS" ] ; exit ;;
esac
echo "gcloud $*" >>"$CALLS"
`

// setup runs the script and returns what it prints, and the calls of gcloud.
func setup(t *testing.T, env []string, args ...string) (out string, calls []string) {
	t.Helper()
	folder := t.TempDir()
	log := filepath.Join(folder, "calls")
	must(t, os.WriteFile(filepath.Join(folder, "gcloud"), []byte(gcloud), 0o700))
	cmd := exec.CommandContext(t.Context(), path(t, "setup.sh"), args...)
	cmd.Env = append([]string{
		"PATH=" + folder + ":" + os.Getenv("PATH"), "CALLS=" + log, "FOLDER=" + filepath.Join(folder, "files"),
		"PROJECT=acme", "REGION=europe-west1", "IMAGE=europe-west1-docker.pkg.dev/acme/mcpkeep/mcpkeep@sha256:0",
		"GITHUB_CLIENT_ID=Iv1.0", "ALLOWED_USERS=alice,bob@example.com",
	}, env...)
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	written, err := os.ReadFile(log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(written)) {
		calls = append(calls, strings.TrimSpace(strings.ReplaceAll(line, folder, "F")))
	}
	return strings.ReplaceAll(string(b), folder, "F"), calls
}

// printed are the commands in an output.
func printed(out string) []string {
	var commands []string
	for line := range strings.Lines(out) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "+ "); ok {
			commands = append(commands, strings.ReplaceAll(command, "'", ""))
		}
	}
	return commands
}

// TestSetup: the script prints what it would do, and does that with --yes.
func TestSetup(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"prepare", "deploy"} {
		out, calls := setup(t, nil, step)
		if len(calls) > 0 {
			t.Errorf("%s without --yes called gcloud: %q", step, calls)
		}
		would := printed(out)
		out, calls = setup(t, nil, step, "--yes")
		if !slices.Equal(would, calls) || !slices.Equal(printed(out), calls) || len(calls) < 9 {
			t.Errorf("%s: would do\n%s\nand did\n%s", step, strings.Join(would, "\n"), strings.Join(calls, "\n"))
		}
		_, again := setup(t, []string{"EXISTS=1"}, step, "--yes")
		for _, call := range again {
			if strings.Contains(call, " create ") {
				t.Errorf("%s creates what exists: %s", step, call)
			}
		}
		if step == "prepare" && !strings.Contains(out, "run F/files/grants.sql") {
			t.Errorf("grants.sql is not mentioned: %s", out)
		}
	}
}

var unfilled = regexp.MustCompile(`\$\{[A-Z_]+\}`)

// TestSetupFiles: the files that the script applies have every name filled in.
func TestSetupFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, step := range []string{"prepare", "deploy"} {
		setup(t, []string{"FOLDER=" + folder}, step)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	must(t, err)
	if len(files) != 4 {
		t.Errorf("files: %q", files)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		must(t, err)
		if unfilled.Match(b) {
			t.Errorf("%s has names that are not filled in:\n%s", file, b)
		}
		if !strings.Contains(string(b), "acme") {
			t.Errorf("%s does not name the project", file)
		}
	}
}

// TestSetupRefuses: a step that is not known, or a name that is missing, ends the script.
func TestSetupRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"prepare", "-y"}, {"destroy"}} {
		cmd := exec.CommandContext(t.Context(), path(t, "setup.sh"), args...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PROJECT=acme", "REGION=r"}
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "usage:") {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
	cmd := exec.CommandContext(t.Context(), path(t, "setup.sh"), "prepare")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "REGION=r"}
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "PROJECT") {
		t.Errorf("without a project: %v, %s", err, out)
	}
}

// TestScriptStyle: shellcheck finds nothing.
func TestScriptStyle(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("shellcheck"); err != nil {
		harness.Missing(t, "shellcheck")
	}
	if out, err := exec.CommandContext(t.Context(), "shellcheck", path(t, "setup.sh")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestWorkflow: the example has the steps in their order. `make lint` has actionlint read it.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	content, from := text(t, "deploy.yaml"), 0
	for _, step := range []string{
		"-push ", "jobs execute mcpkeep-migrate --wait", "--no-traffic --tag candidate", "doctor,--at,$URL", "--to-tags candidate=100",
		`--to-revisions "$REVISION=100"`,
	} {
		at := strings.Index(content[from:], step)
		if at < 0 {
			t.Fatalf("no %q after the step before it", step)
		}
		from += at
	}
}
