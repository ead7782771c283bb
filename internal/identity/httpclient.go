package identity

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	userAgent = "mcpkeep (+https://github.com/mcpkeep/mcpkeep)"

	maxResponse  = 1 << 20 // bytes
	maxRedirects = 3
)

// errRedirect: an answer leads to another origin. Requests carry tokens and the
// client secret, so they go nowhere but where the configuration says.
var errRedirect = errors.New("redirect to another origin")

// boundClient returns a copy of c that names us and follows no redirect to
// another origin.
func boundClient(c *http.Client) *http.Client {
	if c == nil {
		c = http.DefaultClient
	}
	bound := *c
	bound.CheckRedirect = checkRedirect
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	bound.Transport = namedTransport{base}
	return &bound
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if !sameOrigin(req.URL, via[0].URL) {
		return fmt.Errorf("%w: %s", errRedirect, clip(origin(req.URL)))
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

// namedTransport adds what GitHub requires of each request and x/oauth2 does not
// set: a User-Agent, and an Accept without which the token endpoint answers with a form.
type namedTransport struct{ base http.RoundTripper }

func (t namedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", userAgent)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	return t.base.RoundTrip(req)
}

// readBounded reads the whole body, or fails when it is longer than a mebibyte.
func readBounded(body io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxResponse+1))
	if err == nil && len(b) > maxResponse {
		err = fmt.Errorf("the answer is longer than %d bytes", maxResponse)
	}
	return b, err
}
