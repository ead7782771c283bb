package identity

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	userAgent = "mcpkeep (+https://github.com/mcpkeep/mcpkeep)"

	maxResponse  = 1 << 20 // bytes
	maxRedirects = 3
)

// errRedirect reports a redirect to another origin. Requests carry tokens and the client
// secret, so they go only to configured origins.
var errRedirect = errors.New("redirect to another origin")

// boundClient returns a copy of c that identifies mcpkeep, follows no redirect to another
// origin, and bounds the size of responses.
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

// namedTransport bounds responses and adds headers that GitHub requires and x/oauth2 does
// not set: User-Agent, and Accept, without which the token endpoint returns a form.
type namedTransport struct{ base http.RoundTripper }

func (t namedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", userAgent)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	resp, err := t.base.RoundTrip(req)
	if err == nil {
		// One byte beyond the limit tells readBounded that the response is too large. The
		// libraries just find JSON without an end.
		resp.Body = boundedBody{io.LimitReader(resp.Body, maxResponse+1), resp.Body}
	}
	return resp, err
}

type boundedBody struct {
	io.Reader
	io.Closer
}

// readBounded reads the whole body, or fails if it is longer than a mebibyte.
func readBounded(body io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxResponse+1))
	if err == nil && len(b) > maxResponse {
		err = fmt.Errorf("the response is longer than %d bytes", maxResponse)
	}
	return b, err
}

// transportError classifies a request without a usable response.
func transportError(who string, err error) error {
	var network *url.Error
	switch {
	case errors.Is(err, errRedirect):
		return misconfigured("%s responded with a %v; is its URL correct?", who, errors.Unwrap(err))
	case errors.As(err, &network):
		return unavailable(who+" is not responding", err)
	default:
		// x/oauth2 could not read or parse the response; its error may quote it.
		return unavailable(who+"'s response was incomplete or malformed", nil)
	}
}

const (
	maxRetryAfter     = time.Hour
	defaultRetryAfter = time.Minute // GitHub asks for at least this when it gives no time
)

func overloaded(who string, resp *http.Response, now time.Time) *UnavailableError {
	reason := who + " returned " + resp.Status
	if resp.StatusCode < 500 {
		reason = who + "'s rate limit is reached (" + resp.Status + ")"
	}
	return &UnavailableError{Reason: reason, RetryAfter: retryAfter(resp, now)}
}

// retryAfter follows the order of GitHub's documentation: Retry-After in seconds,
// then the end of the rate limit's window, then a minute for rate limits.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(resp.Header.Get("Retry-After"), 10, 64); err == nil {
		return boundWait(seconds)
	}
	reset, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64)
	if err == nil && resp.Header.Get("X-RateLimit-Remaining") == "0" {
		return boundWait(max(reset, 0) - now.Unix())
	}
	if resp.StatusCode < 500 {
		return defaultRetryAfter
	}
	return 0
}

// boundWait clamps before it converts: a number of seconds can be too large for a
// Duration.
func boundWait(seconds int64) time.Duration {
	return time.Duration(min(max(seconds, 0), int64(maxRetryAfter/time.Second))) * time.Second
}
