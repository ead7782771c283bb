package upgrade_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/upgrade"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                                  nil,
		"# nothing yet\n\n":                 nil,
		"v0.1.0\n":                          {"v0.1.0"},
		"# first\n0f521d22 # 0.1.0\nHEAD~2": {"0f521d22", "HEAD~2"},
		"  v1.0.0-rc.1\t\r\nrefs/tags/v2 ":  {"v1.0.0-rc.1", "refs/tags/v2"},
	} {
		got, err := upgrade.Parse(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"v1\nv2 v3":     `line 2: "v2 v3" is not`,
		"--output=/x":   `line 1: "--output=/x" is not`,
		"v1\n# x\nv1 #": "line 3: v1 is listed twice",
	} {
		if got, err := upgrade.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v; want an error with %s", text, got, err, want)
		}
	}
}

// TestReleasesFile: the file itself can be read.
func TestReleasesFile(t *testing.T) {
	t.Parallel()
	if _, err := upgrade.Releases(); err != nil {
		t.Errorf("releases.txt: %v", err)
	}
}
