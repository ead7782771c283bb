//go:build conformance

package conformance_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// checkAuthorization runs the authorization mode in the role of a client, public
// or confidential. All its scenarios are in one run: the second one uses what the
// first one learned.
func checkAuthorization(t *testing.T, method string, engine harness.Engine) []row {
	t.Helper()
	front := serveFront(t, method)
	opts := engine.Options(t)
	opts.Args = append(opts.Args, "--base-url", front.url,
		"--cimd-allowed-networks", "127.0.0.0/8") // offers documents although no vendor's can be fetched here
	front.target = harness.Start(t, opts)
	callback := harness.FreeAddress(t)
	c := harness.NewClient(front.url, nil)
	c.AuthMethod, c.RedirectURI = method, "http://"+callback+"/callback"
	if err := c.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(callback, ":")
	args := []string{"authorization", "--url", front.url, "--client-id", c.ID, "--resource", front.url + "/mcp", "--port", port}
	if c.Secret != "" {
		args = append(args, "--client-secret", c.Secret)
	}
	r := runSuite(t, func(line string) { signIn(t, line, front.url+"/authorize?") }, args...)
	if r.err != nil {
		t.Errorf("the suite: %v", r.err)
	}
	r.assertAllSucceeded(t, "authorization-server-metadata-endpoint", "authorization-code-grant")
	front.assertUsed(t)
	return []row{{mode: "authorization", subject: "client with `" + method + "`", outcome: r}}
}

// signIn visits the authorization request that the suite prints.
func signIn(t *testing.T, line, prefix string) {
	t.Helper()
	if !strings.HasPrefix(line, prefix) {
		return
	}
	answer, err := harness.NewBrowser(nil).Visit(t.Context(), line)
	if err != nil {
		t.Error(err)
		return
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, answer.String(), http.NoBody)
	if err != nil {
		t.Error(err)
		return
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	_ = res.Body.Close()
}
