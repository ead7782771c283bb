//go:build conformance

package conformance_test

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// builtIn are the scenarios of the server mode that need none of the suite's tools.
var builtIn = map[string][]string{
	"2025-11-25": {"server-initialize", "ping", "tools-list", "dns-rebinding-protection"},
	"2026-07-28": {
		"server-stateless", "tools-list", "server-sse-multiple-streams", "dns-rebinding-protection",
		"http-header-validation", "input-required-result-unsupported-methods",
	},
}

// checkBuiltIn runs them against the program itself with its own tools.
func checkBuiltIn(t *testing.T, revision string, engine harness.Engine) []row {
	t.Helper()
	p := harness.Start(t, engine.Options(t))
	c := harness.NewClient(p.URL, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	url := withToken(t, p.URL, c.AccessToken) + "/mcp"
	all := outcome{checks: map[string][]check{}}
	for _, scenario := range builtIn[revision] {
		r := runSuite(t, func(string) {}, "server", "--url", url, "--scenario", scenario, "--spec-version", revision)
		if len(r.checks[scenario]) == 0 {
			t.Errorf("%s did not run:\n%s", scenario, r.printed)
		}
		all.checks[scenario] = testable(r.checks[scenario])
	}
	for _, failure := range all.failures() {
		t.Errorf("%s failed", failure)
	}
	return []row{{mode: "server, " + revision, subject: "mcpkeep’s own server", outcome: all}}
}

// testable are the checks without those that the suite could not try for want of
// its own tools.
func testable(checks []check) []check {
	var list []check
	for _, c := range checks {
		if !strings.HasPrefix(c.Message, "Not testable: server does not list the diagnostic tool") {
			list = append(list, c)
		}
	}
	return list
}
