//go:build chaos

package chaos_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// assertRefused checks the status and the OAuth error code of a refusal.
func assertRefused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var refusal *harness.Error
	if !errors.As(err, &refusal) || refusal.Status != status || refusal.Code != code {
		t.Errorf("%v, want HTTP %d %s", err, status, code)
	}
}

// assertUnavailable checks that the answer was 503 with Retry-After.
func assertUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	var refusal *harness.Error
	switch {
	case !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable:
		t.Errorf("%s: %v, want HTTP 503", what, err)
	case refusal.Header.Get("Retry-After") == "":
		t.Errorf("%s: 503 without Retry-After", what)
	}
}
