package oauth_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

var kinds = map[oauth.TokenKind]func() string{
	oauth.KindAccessToken: oauth.NewAccessToken, oauth.KindRefreshToken: oauth.NewRefreshToken,
	oauth.KindCode: oauth.NewCode, oauth.KindClientSecret: oauth.NewClientSecret,
	oauth.KindRegistrationToken: oauth.NewRegistrationToken,
}

// TestNewTokens: 6749-21.
func TestNewTokens(t *testing.T) {
	t.Parallel()
	scanner := regexp.MustCompile(`^mk[acgprs]_[a-z2-7]{64}$`)
	seen := map[string]bool{}
	for kind, create := range kinds {
		for range 100 {
			token := create()
			if !strings.HasPrefix(token, string(kind)) || !scanner.MatchString(token) {
				t.Fatalf("%s: malformed value %q", kind, token)
			}
			if seen[token] {
				t.Fatalf("%s: repeated value", kind)
			}
			seen[token] = true
			for other := range kinds {
				if got := oauth.WellFormed(other, token); got != (other == kind) {
					t.Fatalf("WellFormed(%s, %q) = %t", other, token, got)
				}
			}
		}
	}
}

// The format must not change: values that were issued stay valid. The vector,
// the bytes 0 to 35, was computed by another program.
func TestWellFormedVector(t *testing.T) {
	t.Parallel()
	const body = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypsaijcepeeogrt"
	if !oauth.WellFormed(oauth.KindAccessToken, "mka_"+body) || !oauth.IsAccessToken("mka_"+body) {
		t.Error("a value in the published format is refused")
	}
	if oauth.IsAccessToken("mkr_" + body) {
		t.Error("the checksum does not cover the prefix")
	}
}

func TestWellFormedRefuses(t *testing.T) {
	t.Parallel()
	good := oauth.NewAccessToken()
	tests := map[string]string{
		"empty": "", "prefix only": "mka_", "no prefix": good[4:], "6750-01 space before": " " + good, "6750-01 space behind": good + " ",
		"short": good[:len(good)-1], "long": good + "a", "upper case": strings.ToUpper(good),
		"upper case behind the prefix": "mka_" + strings.ToUpper(good[4:]),
		"line break inside":            good[:20] + "\n" + good[21:], "line break added": good[:20] + "\n" + good[20:],
		"padding": good[:len(good)-1] + "=", "foreign character": good[:20] + "1" + good[21:], "a JWT": "eyJhbGciOiJub25lIn0.e30.",
	}
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if oauth.IsAccessToken(token) {
				t.Errorf("IsAccessToken(%q) = true", token)
			}
		})
	}
	t.Run("every single changed character", func(t *testing.T) {
		t.Parallel()
		for i := range good {
			changed := []byte(good)
			changed[i] = 'a'
			if good[i] == 'a' {
				changed[i] = 'b'
			}
			if oauth.IsAccessToken(string(changed)) {
				t.Errorf("change at %d goes unnoticed", i)
			}
		}
	})
}

func TestNewID(t *testing.T) {
	t.Parallel()
	a, b := oauth.NewID("gr"), oauth.NewID("gr")
	if a == b {
		t.Error("two ids are equal")
	}
	// Letters and digits only, because clients disagree about the encoding of
	// others; 26 of base32 are 130 bits.
	if !regexp.MustCompile(`^gr_[a-z2-7]{26,}$`).MatchString(a) {
		t.Errorf("malformed id %q", a)
	}
}
