//go:build cloud

package cloud_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

const keysVariable = "MCPKEEP_ENCRYPTION_KEYS="

// deployed is a service of which each new revision follows the last one.
type deployed struct {
	gcptest.Gcloud
	t    *testing.T
	opts harness.Options
	now  *harness.Process
	load *load
}

// TestRotation changes the encryption key under load with the commands of the documentation.
// No one is signed out, and afterwards the old version is not needed.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := &deployed{Gcloud: gcptest.Gcloud{Cloud: w.Cloud, Instance: w.Instance}, t: t, opts: w.options(w.doors()["socket"])}
	d.Run = d.run
	d.now = harness.Start(t, d.opts)
	d.opts.Args = []string{"--base-url", d.now.URL}
	d.load = startLoad(t, d.now)
	commands := documented(t, "## Rotating the encryption key")
	if len(commands) != 6 {
		t.Fatalf("the documentation has the commands %q", commands)
	}
	for _, line := range commands {
		input := ""
		if rest, ok := strings.CutPrefix(line, "mcpkeep keys generate | "); ok {
			line, input = rest, harness.NewKey(t)+"\n"
		}
		if _, err := d.Do(line, input); err != nil {
			t.Fatal(err)
		}
	}
	d.load.stop(t)
	end(t, d.now)
	must(t, d.now.Restart()) // without the first version, which is disabled
	for _, c := range d.load.workers {
		must(t, c.Refresh(t.Context()))
	}
}

// documented returns the commands below a heading of the documentation, each in one line and
// with what a person fills in.
func documented(t *testing.T, heading string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "cloud-run.md"))
	must(t, err)
	_, section, _ := strings.Cut(string(content), heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, block, _ := strings.Cut(section, "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	block = strings.NewReplacer("\\\n", " ", "PROJECT", gcptest.Project, "REGION", gcptest.Region, "SERVICE", "mcp").Replace(block)
	var commands []string
	for line := range strings.Lines(block) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			commands = append(commands, line)
		}
	}
	return commands
}

// run is `gcloud run` for the service and its job.
func (d *deployed) run(words []string, flags map[string]string) error {
	keys, ok := strings.CutPrefix(flags["update-env-vars"], "^;^"+keysVariable)
	if !ok || flags["region"] != gcptest.Region || len(words) != 3 {
		return errors.New("not a change of the keys")
	}
	switch strings.Join(words, " ") {
	case "services update mcp":
		d.opts.Env = append(d.opts.Env, keysVariable+keys)
		next := harness.Start(d.t, d.opts)
		d.load.route.To(next)
		end(d.t, d.now)
		d.now = next
	case "jobs execute mcpkeep-clean":
		env := append([]string{"DATABASE_URL=" + d.opts.Database}, d.opts.Env...)
		args := strings.Split(flags["args"], ",")
		if r := harness.Run(d.t.Context(), d.t, append(env, keysVariable+keys), args...); r.Status != 0 {
			return errors.New(r.Stderr)
		}
	default:
		return errors.New("unknown command")
	}
	return nil
}
