package brand_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/brand"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{
		"Acme tools": nil, "Büro & Söhne": nil, "שלום": nil, "日本": nil, "It's ours": nil, "Very fine": nil,
		"a\u202eb": brand.ErrHidden, "a\u2066b": brand.ErrHidden, "a\u200bb": brand.ErrHidden, "a\x01b": brand.ErrHidden, "\u3164": brand.ErrHidden,
		"a\u2800b": brand.ErrHidden, "a  b": brand.ErrHidden, "a\nb": brand.ErrHidden,
		"Verified by this server": brand.ErrWords, "vеrifіed": brand.ErrWords /* Cyrillic */, "V e r i f i e d": brand.ErrWords,
		"Published by claude.ai": brand.ErrWords, "Its operator vouches for this app": brand.ErrWords, "VERlFlED": brand.ErrWords,
	} {
		if err := brand.CheckName(name); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"help@example.com":          {"mailto:help@example.com", "help@example.com"},
		"it+mcp@sub.example.com":    {"mailto:it+mcp@sub.example.com", "it+mcp@sub.example.com"},
		"https://help.example.com/": {"https://help.example.com/", "https://help.example.com/"},
	} {
		if link, shown, err := brand.ParseSupport(text); err != nil || link != want[0] || shown != want[1] {
			t.Errorf("%q: %q, %q, %v", text, link, shown, err)
		}
	}
	for _, text := range []string{
		"help", "help@localhost", "Help <help@example.com>", "help@example.com, other@example.com", "help@example.com?bcc=x@example.com",
		"mailto:help@example.com", "http://help.example.com", "javascript:alert(1)", "https://", "https://u:p@example.com", "a b@example.com",
		"hé@example.com", `"a b"@example.com`, "https://example.com/" + strings.Repeat("a", 500), "a%0ab@example.com",
	} {
		if link, _, err := brand.ParseSupport(text); !errors.Is(err, brand.ErrLink) {
			t.Errorf("%q: %q, %v", text, link, err)
		}
	}
	if link, err := brand.ParseLink("https://example.com/terms?x=1#y"); err != nil || link != "https://example.com/terms?x=1#y" {
		t.Error(link, err)
	}
	for _, text := range []string{"", "terms", "/terms", "//example.com/terms", "ftp://example.com", "https:example.com", "https:///terms"} {
		if link, err := brand.ParseLink(text); err == nil {
			t.Errorf("%q: %q", text, link)
		}
	}
}
