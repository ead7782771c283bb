package oauth_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

func TestErrorStatus(t *testing.T) {
	t.Parallel()
	want := map[oauth.Code]int{
		oauth.InvalidRequest: 400, oauth.InvalidClient: 401, oauth.InvalidGrant: 400, oauth.UnauthorizedClient: 400,
		oauth.UnsupportedGrantType: 400, oauth.UnsupportedResponseType: 400, oauth.InvalidScope: 400, oauth.InvalidTarget: 400,
		oauth.AccessDenied: 403, oauth.ServerError: 500, oauth.TemporarilyUnavailable: 503, oauth.InvalidRedirectURI: 400,
		oauth.InvalidClientMetadata: 400, oauth.InvalidToken: 401, oauth.InsufficientScope: 403,
	}
	for code, status := range want {
		if got := oauth.NewError(code, "").Status; got != status {
			t.Errorf("%s: status %d, want %d", code, got, status)
		}
	}
}

func TestErrorJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  any
		want string
	}{
		{"6749-16 pointer", oauth.NewError(oauth.InvalidGrant, "spent"), `{"error":"invalid_grant","error_description":"spent"}`},
		{"6749-16 value", *oauth.NewError(oauth.InvalidGrant, "spent"), `{"error":"invalid_grant","error_description":"spent"}`},
		{"C-13 no empty description", oauth.NewError(oauth.InvalidGrant, ""), `{"error":"invalid_grant"}`},
		{
			"6750-05 characters of a literal", &oauth.Error{Code: oauth.InvalidRequest, Description: "a\"b\\c\r\nd\x7fé!"},
			`{"error":"invalid_request","error_description":"a'bcd!"}`,
		},
		{
			"the cause stays inside", oauth.NewError(oauth.ServerError, "broken").Wrap(fs.ErrNotExist),
			`{"error":"server_error","error_description":"broken"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(tt.err)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrorWrap(t *testing.T) {
	t.Parallel()
	plain := oauth.NewError(oauth.ServerError, "broken")
	wrapped := plain.Wrap(fs.ErrNotExist)
	if !errors.Is(wrapped, fs.ErrNotExist) || errors.Is(plain, fs.ErrNotExist) {
		t.Error("Wrap must add the cause to a copy")
	}
	if got := wrapped.Error(); got != "server_error: broken: file does not exist" {
		t.Errorf("Error() = %q", got)
	}
	if got := plain.Error(); got != "server_error: broken" {
		t.Errorf("Error() = %q", got)
	}
}

// codeOf is the code of an error of this package, and checks what all of them
// promise.
func codeOf(t *testing.T, err error) oauth.Code {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *oauth.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is a %T: %v", err, err)
	}
	if e.Status != 400 {
		t.Errorf("%v: status %d", err, e.Status)
	}
	for _, c := range []byte(e.Description) {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			t.Errorf("description %q holds %q", e.Description, c)
		}
	}
	return e.Code
}
