package identity

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const (
	reasonRevoked   = "GitHub no longer accepts the last sign-in: it was revoked or has expired; please sign in again"
	reasonSuspended = "GitHub has suspended the account"
	reasonCode      = "GitHub's sign-in code has expired or was already used; please sign in again"
	reasonEmail     = "the account's primary email address is not verified on GitHub; verify it there and sign in again"
)

// apiError classifies a response of the REST API other than 200. Only a refusal in GitHub's
// own format, JSON with a message, is definitive: a proxy in between can return 401 and 403
// as well.
func apiError(resp *http.Response, body []byte, now time.Time) error {
	message := apiMessage(body)
	status := resp.StatusCode
	switch {
	case status >= 500 || status == http.StatusRequestTimeout:
		return overloaded("GitHub", resp, now)
	case status == http.StatusTooManyRequests:
		return limited(resp, message, now)
	case message == "" && status != http.StatusNotFound:
		return unavailable("GitHub's API returned "+resp.Status+" without an error message", nil)
	case status == http.StatusUnauthorized:
		return refused("", reasonRevoked)
	case status == http.StatusForbidden:
		return forbidden(resp, message, now)
	default:
		return misconfigured("GitHub's API returned %s for %s (%s); is the API URL correct?",
			resp.Status, clip(resp.Request.URL.Path), clip(message))
	}
}

// forbidden tells the kinds of 403 apart. The response for a suspended account has rate
// limit headers too, so the message is checked first.
func forbidden(resp *http.Response, message string, now time.Time) error {
	text := strings.ToLower(message)
	switch {
	case strings.Contains(text, "account") && strings.Contains(text, "suspended"):
		return refused("", reasonSuspended)
	case strings.Contains(text, "email address must be verified"):
		return refused("", reasonEmail)
	case rateLimited(resp.Header), strings.Contains(text, "rate limit"), strings.Contains(text, "abuse detection"):
		return limited(resp, message, now)
	default:
		return misconfigured("GitHub's API forbids %s: %s", clip(resp.Request.URL.Path), clip(message))
	}
}

// limited handles a rate limit of GitHub's API. GitHub counts the requests of each account,
// and users can exhaust their own limit with a token of theirs. The limit of an IP address,
// which applies to requests without a token, is recognizable by its message; a response
// that is not in GitHub's format comes from a proxy.
func limited(resp *http.Response, message string, now time.Time) error {
	err := overloaded("GitHub", resp, now)
	err.Own = message != "" && !strings.Contains(strings.ToLower(message), "authenticated requests get a higher rate limit")
	return err
}

func apiMessage(body []byte) string {
	var answer struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	return answer.Message
}

func rateLimited(h http.Header) bool {
	return h.Get("X-RateLimit-Remaining") == "0" || h.Get("Retry-After") != ""
}

// tokenError classifies a failure of the token endpoint. The library's error is
// not wrapped: its text holds the answer's body.
func (g *GitHub) tokenError(err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		return transportError("GitHub", err)
	}
	status := answer.Response.StatusCode
	switch {
	case status >= 500 || status == http.StatusTooManyRequests ||
		(status == http.StatusForbidden && rateLimited(answer.Response.Header)):
		return overloaded("GitHub", answer.Response, g.now())
	case status == http.StatusNotFound:
		return misconfigured("GitHub's token endpoint returned 404: the client ID is unknown, or the GitHub URL is wrong")
	case answer.ErrorCode == "":
		return unavailable("GitHub's token endpoint returned "+answer.Response.Status+" without an error code", nil)
	}
	return tokenErrorCode(answer.ErrorCode)
}

// tokenErrorCode translates the error member, which GitHub sends with status 200.
func tokenErrorCode(code string) error {
	switch code {
	case "bad_verification_code":
		return refused("", reasonCode)
	case "bad_refresh_token", "invalid_grant":
		return refused("", reasonRevoked)
	case "unverified_user_email":
		return refused("", reasonEmail)
	case "access_denied":
		return refused("", "the sign-in was canceled at GitHub")
	case "temporarily_unavailable", "server_error", "slow_down":
		return unavailable("GitHub's token endpoint reports "+code, nil)
	case "incorrect_client_credentials", "invalid_client":
		return misconfigured("GitHub rejected the client ID and client secret; compare them with the OAuth app's settings")
	case "redirect_uri_mismatch":
		return misconfigured("%s", redirectMismatch)
	case "application_suspended":
		return misconfigured("GitHub has suspended the OAuth app; contact its support")
	default:
		return misconfigured("GitHub's token endpoint returned error %s", clip(code))
	}
}
