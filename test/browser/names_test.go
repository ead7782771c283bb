//go:build browser

package browser_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
)

// names are those that pages show, and what the operator set for them.
type names struct {
	variant string // in the names of pictures
	app     string
	env     []string
}

var (
	usual = names{app: "Claude Code"}
	// long is what fills the pages: the longest names that are shown whole.
	long = names{
		variant: "-long", app: strings.Repeat("Extraordinarily", 5) + " app",
		env: branded(strings.Repeat("Department", 3)+" of long names and more words", "#ffd700"),
	}
	// rightToLeft is in Arabic and Hebrew.
	rightToLeft = names{variant: "-rtl", app: "مساعد الملاحظات الذكي للفريق", env: branded("כלים של החברה", "#1e40af")}
)

// branded is what an operator may set for the pages.
func branded(name, accent string) []string {
	logo, err := filepath.Abs(filepath.Join("testdata", "logo.svg"))
	if err != nil {
		panic(err)
	}
	return []string{
		"MCPKEEP_NAME=" + name, "MCPKEEP_ACCENT=" + accent, "MCPKEEP_LOGO=" + logo,
		"MCPKEEP_SUPPORT=help-with-everything@support.example.com",
		"MCPKEEP_TERMS_URL=https://example.com/terms", "MCPKEEP_PRIVACY_URL=https://example.com/privacy",
	}
}

func (b *tab) startLocal() keep {
	b.t.Helper()
	return start(b.t, b.names.env...)
}

func (b *tab) startGitHub() (keep, *githubtest.Server) {
	b.t.Helper()
	return startGitHub(b.t, b.names.env...)
}

// TestNames: long names and those in scripts from right to left fit on every page, and the
// operator's logo and color do.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, n := range []names{long, rightToLeft} {
		for _, page := range gallery {
			t.Run(page.name+n.variant, func(t *testing.T) {
				t.Parallel()
				b := newTab(t)
				b.names = n
				page.visit(b)
				b.checkModes(page.name)
				if small := eval[int](b, smallTargets); small > 0 {
					t.Errorf("at 320 pixels %d controls are too small to hit", small)
				}
				if width := eval[int](b, `document.querySelector('img.logo').naturalWidth`); width == 0 {
					t.Error("the logo is not shown")
				}
				b.quiet()
			})
		}
	}
}

// adminPages are those for administrators: a line for each.
var adminPages = []string{"/admin", "/admin/people", "/admin/apps", "/admin/connections", "/admin/events"}

// TestAdminPages: the same of the pages for administrators, which one session sees.
func TestAdminPages(t *testing.T) {
	t.Parallel()
	for _, n := range []names{usual, long, rightToLeft} {
		t.Run("names"+n.variant, func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			b.names = n
			toConnections(b)
			origin := strings.TrimSuffix(b.location(), "/connections")
			for _, path := range adminPages {
				b.open(origin+path, http.StatusOK)
				b.checkModes(strings.ReplaceAll(path[1:], "/", "-"))
			}
			b.quiet()
		})
	}
}
