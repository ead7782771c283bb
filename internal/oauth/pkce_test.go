package oauth_test

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

func TestChallenge(t *testing.T) {
	t.Parallel()
	// RFC 7636, appendix B.
	const verifier, want = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if got := oauth.Challenge(verifier); got != want {
		t.Errorf("Challenge() = %q, want %q", got, want)
	}
}

func TestValidVerifier(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, verifier string
		want           bool
	}{
		{"7636-01 43 characters", strings.Repeat("a", 43), true},
		{"7636-01 128 characters", strings.Repeat("Z", 128), true},
		{"7636-01 every unreserved character", "ABCXYZabcxyz0189-._~" + strings.Repeat("a", 23), true},
		{"7636-01 42 characters", strings.Repeat("a", 42), false},
		{"7636-01 129 characters", strings.Repeat("a", 129), false},
		{"7636-06 missing", "", false},
		{"7636-01 plus", strings.Repeat("a", 43) + "+", false},
		{"7636-01 slash", strings.Repeat("a", 43) + "/", false},
		{"7636-01 padding", strings.Repeat("a", 43) + "=", false},
		{"7636-01 space", strings.Repeat("a", 43) + " ", false},
		{"7636-01 line break", strings.Repeat("a", 43) + "\n", false},
		{"7636-01 not ASCII", strings.Repeat("é", 43), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := oauth.ValidVerifier(tt.verifier); got != tt.want {
				t.Errorf("ValidVerifier(%q) = %t", tt.verifier, got)
			}
		})
	}
}

func TestValidChallenge(t *testing.T) {
	t.Parallel()
	const good = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	tests := []struct {
		name, challenge string
		want            bool
	}{
		{"7636-05 of RFC 7636", good, true},
		{"7636-05 underscore", "_" + good[1:], true},
		{"7636-02 missing", "", false},
		{"7636-05 short", good[1:], false},
		{"7636-05 padded", good + "=", false},
		{"7636-05 plus", "+" + good[1:], false},
		{"7636-05 slash", "/" + good[1:], false},
		{"7636-05 tilde", "~" + good[1:], false},
		{"7636-05 line break", "\n" + good[1:], false},
		{"7636-05 not ASCII", "é" + good[2:], false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := oauth.ValidChallenge(tt.challenge); got != tt.want {
				t.Errorf("ValidChallenge(%q) = %t", tt.challenge, got)
			}
		})
	}
}

func TestNewVerifier(t *testing.T) {
	t.Parallel()
	a, b := oauth.NewVerifier(), oauth.NewVerifier()
	if a == b {
		t.Error("two verifiers are equal")
	}
	if !oauth.ValidVerifier(a) || !oauth.ValidChallenge(oauth.Challenge(a)) {
		t.Errorf("verifier %q or its challenge is malformed", a)
	}
}
