package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
)

// TestNothingShowsSecrets prints every type that holds something secret or personal
// in all the ways that programs print.
func TestNothingShowsSecrets(t *testing.T) {
	t.Parallel()
	config := identity.GitHubConfig{ClientID: "id", ClientSecret: "hush-hush"}
	github, err := identity.NewGitHub(config)
	if err != nil {
		t.Fatal(err)
	}
	oidcConfig := identity.OIDCConfig{Issuer: "https://op.example.com", ClientID: "id", ClientSecret: "hush-hush"}
	oidc, err := identity.NewOIDC(oidcConfig)
	if err != nil {
		t.Fatal(err)
	}
	token := identity.Token{Issuer: "https://github.com", AccessToken: "hush-access", RefreshToken: "hush-refresh", Expiry: time.Now(), Nonce: "hush-nonce", Claims: `{"email":"hush"}`}
	person := identity.Person{Issuer: "https://github.com", Subject: "1", Login: "octocat", Name: "hush", Email: "hush@example.com"}
	values := map[string]any{
		"config": config, "config pointer": &config, "github": github, "github value": *github,
		"oidc config": oidcConfig, "oidc config pointer": &oidcConfig, "oidc": oidc,
		"token": token, "token pointer": &token, "tokens": []identity.Token{token}, "inside": struct{ Token identity.Token }{token},
		"auth request":     identity.AuthRequest{State: "hush", Verifier: "hush", Nonce: "hush"},
		"exchange request": identity.ExchangeRequest{Code: "hush", Verifier: "hush", Nonce: "hush"},
		"person":           person, "person pointer": &person, "people": []identity.Person{person},
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
			arguments := []any{v, v}[:strings.Count(verb, "%")]
			if out := fmt.Sprintf(verb, arguments...); leaks(out) {
				t.Errorf("%s with %s: %s", name, verb, out)
			}
		}
		var logged bytes.Buffer
		slog.New(slog.NewTextHandler(&logged, nil)).InfoContext(t.Context(), "x", "v", v)
		if name != "people" { // encoding/json sees a list before slog sees a person
			slog.New(slog.NewJSONHandler(&logged, nil)).InfoContext(t.Context(), "x", "v", v)
		}
		if leaks(logged.String()) {
			t.Errorf("%s logged: %s", name, logged.String())
		}
	}
	if s := person.String(); s != `"octocat" (1 at https://github.com)` {
		t.Errorf("a person is %s", s)
	}
}

// leaks also knows "hush" in hexadecimal.
func leaks(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "hush") || strings.Contains(s, "68757368")
}

func TestTokenEncoding(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]identity.Token{
		"OAuth app":  {Issuer: "https://github.com", AccessToken: "gho_1"},
		"GitHub App": {Issuer: "https://github.com", AccessToken: "ghu_1", RefreshToken: "ghr_1", Expiry: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	} {
		b, err := identity.EncodeToken(token)
		if err != nil {
			t.Fatal(err)
		}
		got, err := identity.DecodeToken(b)
		if err != nil || got != token {
			t.Errorf("%s does not come back from %s: %v", name, b, err)
		}
	}
}

// TestTokenStoredForm: tokens sealed by an earlier version must open forever.
func TestTokenStoredForm(t *testing.T) {
	t.Parallel()
	stored := `{"issuer":"https://github.com","access_token":"ghu_1","refresh_token":"ghr_1","expiry":"2026-01-02T03:04:05Z"}`
	token, err := identity.DecodeToken([]byte(stored))
	if err != nil {
		t.Fatal(err)
	}
	b, err := identity.EncodeToken(token)
	if diff := cmp.Diff(stored, string(b)); err != nil || diff != "" {
		t.Errorf("%v, stored form (-want +got):\n%s", err, diff)
	}
	later := `{"issuer":"https://github.com","access_token":"gho_1","something":"new"}`
	if token, err = identity.DecodeToken([]byte(later)); err != nil || token.AccessToken != "gho_1" {
		t.Errorf("a member of a later version: %v", err)
	}
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	for _, stored := range []string{
		``, `hush`, `{"issuer":"i","access_token":"hush`, `{"issuer":"i","access_token":12345}`, `{"access_token":"hush"}`,
		`{"issuer":"i","refresh_token":"hush"}`, `{"issuer":"i","access_token":"a","expiry":"hush"}`, `[]`, `null`,
	} {
		token, err := identity.DecodeToken([]byte(stored))
		if err == nil || token != (identity.Token{}) || leaks(err.Error()) || strings.Contains(err.Error(), "12345") {
			t.Errorf("%s: error %v", stored, err)
		}
	}
	for _, token := range []identity.Token{{}, {Issuer: "i", RefreshToken: "hush"}, {AccessToken: "hush"}} {
		if b, err := identity.EncodeToken(token); err == nil || b != nil || leaks(err.Error()) {
			t.Errorf("encoded an incomplete token, error %v", err)
		}
	}
	b, err := json.Marshal(identity.Token{Issuer: "i", AccessToken: "hush"})
	if err != nil || leaks(string(b)) {
		t.Errorf("json.Marshal: %s, %v", b, err)
	}
	if err := json.Unmarshal(b, new(identity.Token)); err == nil {
		t.Error("what json.Marshal hid was read back")
	}
}
