//go:build clients

package clients_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestConformanceAuthorization runs the authorization server scenarios of the
// official conformance suite, all in one run: the second one uses what the
// first one learned.
func TestConformanceAuthorization(t *testing.T) {
	t.Parallel()
	dir := nodeDir(t)
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			p := harness.Start(t, engine.Options(t))
			callback := harness.FreeAddress(t)
			c := harness.NewClient(p.URL, nil)
			c.RedirectURI = "http://" + callback + "/callback"
			if err := c.Register(t.Context()); err != nil {
				t.Fatal(err)
			}
			runConformance(t, dir, p, c, callback)
		})
	}
}

// runConformance runs the suite's authorization mode in the role of client c,
// with its callback at an address of 127.0.0.1.
func runConformance(t *testing.T, dir string, p *harness.Process, c *harness.Client, callback string) {
	t.Helper()
	_, port, err := net.SplitHostPort(callback)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node22(dir), "node_modules/@modelcontextprotocol/conformance/dist/index.js",
		"authorization", "--url", p.URL, "--client-id", c.ID, "--resource", p.URL+"/mcp", "-p", port, "-o", t.TempDir())
	cmd.Dir = dir
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := followConformance(t, stdout, p.URL+"/authorize?")
	if err := cmd.Wait(); err != nil {
		t.Errorf("conformance: %v\n%s", err, printed)
	}
	if !strings.Contains(printed, conformancePassed) {
		t.Errorf("conformance did not say %q:\n%s", conformancePassed, printed)
	}
	t.Log(summary(printed))
}

// conformancePassed is what the suite prints when both of its scenarios ran.
const conformancePassed = "Total: 2 passed, 0 failed"

// followConformance signs in at the authorization URL that the suite prints and
// returns everything it printed.
func followConformance(t *testing.T, stdout io.Reader, prefix string) string {
	t.Helper()
	var printed strings.Builder
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		printed.WriteString(lines.Text() + "\n")
		if !strings.HasPrefix(lines.Text(), prefix) {
			continue
		}
		answer, err := harness.NewBrowser(nil).Visit(t.Context(), lines.Text())
		if err != nil {
			t.Error(err)
			continue
		}
		deliver(t, answer.String())
	}
	return printed.String()
}

// deliver takes the browser to the suite's callback.
func deliver(t *testing.T, target string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	_ = res.Body.Close()
}

// node22 is the Node.js that the suite needs: the package's own where its
// installation could fetch it, otherwise the system's.
func node22(dir string) string {
	own := filepath.Join(dir, "node_modules", "node", "bin", "node")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return "node"
}

// summary is the suite's count of checks.
func summary(printed string) string {
	var kept []string
	for line := range strings.Lines(printed) {
		if strings.Contains(line, "passed") || strings.Contains(line, "warning") {
			kept = append(kept, strings.TrimSpace(line))
		}
	}
	return strings.Join(kept, "; ")
}
