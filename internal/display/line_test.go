package display_test

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/display"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                                 "",
		"plain":                            "plain",
		"two words":                        "two words",
		" leading":                         "leading",
		"trailing ":                        "trailing",
		"two  spaces":                      "two spaces",
		" ":                                "",
		"del\x7f":                          "del",
		strings.Repeat("e", 41):            strings.Repeat("e", 39) + "…",
		" two\r\n\tlines\u2028end ":        "two lines end",
		"A\x1b[31mp\x00p\x7f\u009b2J":      "A[31mpp2J",
		"\u202eevil\u200b\u2066\ufeffApp":  "evilApp",
		"A\xffB":                           "AB",
		"a\u0301\u0301\u0301\u0301\u0301b": "a\u0301\u0301\u0301b",
		"\u2800blank\u2800":                "blank",
		"Ассистент 助手 🤖":                   "Ассистент 助手 🤖",
		strings.Repeat("é", 41):            strings.Repeat("é", 39) + "…",
	} {
		if got := display.Line(given, 40); got != want {
			t.Errorf("Line(%q) = %q, want %q", given, got, want)
		}
	}
}
