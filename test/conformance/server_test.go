//go:build conformance

package conformance_test

import (
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// revisions are those whose requirements the suite knows.
func revisions() []string { return []string{"2025-11-25", "2026-07-28"} }

// checkServer runs the server mode against a server made with mcp-go: by itself, behind
// mcpkeep's handlers, and as an upstream of the program. All fail at the same: at what the
// baseline names, which is what mcp-go cannot do, and in scenarios that are not scored.
func checkServer(t *testing.T, revision string) []row {
	t.Helper()
	bare := httptest.NewServer(everything.New())
	t.Cleanup(bare.Close)
	alone := serverMode(t, bare.URL+"/mcp", revision)
	// Behind mcpkeep the server checks no Host: that is for mcpkeep to do.
	trusting := everything.New(server.WithDisableLocalhostProtection(true))
	gated := serverMode(t, gate(t, trusting), revision)
	if diff := cmp.Diff(alone.failures(), gated.failures()); diff != "" {
		t.Errorf("what fails (-mcp-go alone +behind mcpkeep):\n%s", diff)
	}
	upstream := httptest.NewServer(everything.New())
	t.Cleanup(upstream.Close)
	through := serverMode(t, gateway(t, upstream.URL+"/mcp"), revision)
	if diff := cmp.Diff(alone.failures(), through.failures()); diff != "" {
		t.Errorf("what fails (-mcp-go alone +as an upstream):\n%s", diff)
	}
	required := requiredScenarios(t, revision)
	scored, other := gated.split(required)
	upstreamScored, upstreamOther := through.split(required)
	if len(scored.checks) != len(required) || len(upstreamScored.checks) != len(required) {
		t.Errorf("%d and %d of the %d required scenarios ran", len(scored.checks), len(upstreamScored.checks), len(required))
	}
	return []row{
		{mode: "server, " + revision, subject: "mcp-go server behind mcpkeep", outcome: scored},
		{mode: "server, " + revision + ", not scored", subject: "the same", outcome: other},
		{mode: "server, " + revision, subject: "mcp-go server as an upstream", outcome: upstreamScored},
		{mode: "server, " + revision + ", not scored", subject: "the same", outcome: upstreamOther},
	}
}

func serverMode(t *testing.T, url, revision string) outcome {
	t.Helper()
	baseline, err := filepath.Abs("expected-failures.yml")
	if err != nil {
		t.Fatal(err)
	}
	r := runSuite(t, func(string) {}, "server", "--url", url, "--requirements", revision, "--expected-failures", baseline)
	if r.err != nil {
		t.Errorf("the suite: %v\n%s", r.err, r.printed)
	}
	return r
}

var (
	// Both lines end a part of the suite's list.
	serverPart = regexp.MustCompile(`(?s)Server scenarios.*?\n(.*?)\n\n`)
	scenario   = regexp.MustCompile(`(?m)^  - (\S+)`)
)

// requiredScenarios are those that are scored for a revision.
func requiredScenarios(t *testing.T, revision string) []string {
	t.Helper()
	r := runSuite(t, func(string) {}, "list", "--server", "--requirements", revision)
	part := serverPart.FindStringSubmatch(r.printed)
	if part == nil {
		t.Fatalf("the suite lists no scenarios:\n%s", r.printed)
	}
	var names []string
	for _, m := range scenario.FindAllStringSubmatch(part[1], -1) {
		names = append(names, m[1])
	}
	return names
}

// failures are the checks that failed, recommendations included, as the baseline
// names them.
func (o outcome) failures() []string {
	var list []string
	for scenario, checks := range o.checks {
		for _, c := range checks {
			if name := scenario + ":" + c.ID; c.failed() && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return list
}

// split separates the scenarios that are named.
func (o outcome) split(names []string) (named, others outcome) {
	named, others = outcome{checks: map[string][]check{}}, outcome{checks: map[string][]check{}}
	for scenario, checks := range o.checks {
		if slices.Contains(names, scenario) {
			named.checks[scenario] = checks
		} else {
			others.checks[scenario] = checks
		}
	}
	return named, others
}

// mcpGoVersion is that of the protected server.
func mcpGoVersion(t *testing.T) string {
	t.Helper()
	return harness.ModuleVersion(t, "github.com/mark3labs/mcp-go")
}
