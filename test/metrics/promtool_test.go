package metrics_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// promtool runs Debian's promtool.
func promtool(t *testing.T, stdin, dir string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		harness.Missing(t, "promtool (scripts/prometheus.sh installs it)")
	}
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestCheckMetrics: promtool finds nothing wrong with what is exposed.
func TestCheckMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, harness.Engines()[0].Options(t))
	c := harness.NewClient(s.URL, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), "whoami"); err != nil {
		t.Fatal(err)
	}
	text := s.text(t.Context(), t)
	promtool(t, text, "", "check", "metrics")
	for _, secret := range c.Seen {
		if strings.Contains(text, secret) {
			t.Error("a secret is exposed")
		}
	}
	for _, f := range metrics.Families() {
		outside := strings.Contains(f.Labels, "upstream") || f.Name == "mcpkeep_database_clock_offset_seconds"
		if !outside && !strings.Contains(text, "# TYPE "+f.Name+" "+string(f.Kind)+"\n") {
			t.Errorf("%s is not exposed", f.Name)
		}
	}
}

// TestRules: each alarm fires in the test that promtool runs, and is silent on a healthy server.
func TestRules(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(harness.Root(t), "deploy", "prometheus")
	promtool(t, "", dir, "check", "rules", "rules.yaml")
	promtool(t, "", dir, "test", "rules", "rules_test.yaml")
	rules, tests := read(t, dir, "rules.yaml"), read(t, dir, "rules_test.yaml")
	runbooks := read(t, harness.Root(t), "docs", "runbooks.md")
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	links := regexp.MustCompile(`docs/runbooks\.md#(\S+)`).FindAllStringSubmatch(rules, -1)
	if len(alerts) == 0 || len(links) != len(alerts) {
		t.Fatalf("%d alarms, %d runbooks", len(alerts), len(links))
	}
	for i, alert := range alerts {
		if n := strings.Count(tests, alert[1]+"\n") + strings.Count(tests, alert[1]+"}"); n < 2 {
			t.Errorf("%s has no test that fires it and one that does not", alert[1])
		}
		section, found := sections(runbooks)[links[i][1]]
		if !found || !strings.Contains(section, "`"+alert[1]+"`") {
			t.Errorf("%s has no section %q in docs/runbooks.md that names it", alert[1], links[i][1])
		}
	}
}

// sections returns the sections of a document by their anchors.
func sections(text string) map[string]string {
	list := map[string]string{}
	for _, s := range strings.Split(text, "\n## ")[1:] {
		title, body, _ := strings.Cut(s, "\n")
		anchor := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(title), "")
		list[strings.ReplaceAll(anchor, " ", "-")] = body
	}
	return list
}

// TestNames: each name in the alarms and the dashboard is one that is exposed, and each label
// one that it has.
func TestNames(t *testing.T) {
	t.Parallel()
	known := map[string]metrics.Family{}
	for _, f := range metrics.Families() {
		known[f.Name] = f
		if f.Kind == metrics.Histogram {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				f.Labels += ",le"
				known[f.Name+suffix] = f
			}
		}
	}
	name := regexp.MustCompile(`\b((?:mcpkeep|go|process)_[a-z_]+)\b(?:\{([^}]*)\})?`)
	label := regexp.MustCompile(`(\w+)=~?\\?"`)
	for _, path := range [][]string{{"deploy", "prometheus", "rules.yaml"}, {"deploy", "grafana", "mcpkeep.json"}, {"docs", "runbooks.md"}} {
		found := name.FindAllStringSubmatch(read(t, harness.Root(t), path...), -1)
		if len(found) == 0 {
			t.Errorf("%v names no metric", path)
		}
		for _, m := range found {
			f, ok := known[m[1]]
			if !ok {
				t.Errorf("%v: %s is not exposed", path, m[1])
			}
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if ok && l[1] != "instance" && !strings.Contains(","+f.Labels+",", ","+l[1]+",") {
					t.Errorf("%v: %s has no label %s", path, m[1], l[1])
				}
			}
		}
	}
}

func read(t *testing.T, dir string, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{dir}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
