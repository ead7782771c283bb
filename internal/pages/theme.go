package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"

	"github.com/mcpkeep/mcpkeep/internal/brand"
)

// Theme is the style sheet with its source in the policy.
type Theme struct {
	sheet template.CSS
	hash  string
}

// usual is the theme without an operator's color.
var usual = newTheme(style)

// NewTheme returns the style sheet with an accent. No other color changes: those of
// warnings are not the operator's.
func NewTheme(a brand.Accent) *Theme {
	const root = ":root { --accent: %s; --accent-strong: %s; --on-accent: %s; }"
	return newTheme(style + fmt.Sprintf("\n"+root+"\n@media (prefers-color-scheme: dark) { "+root+" }\n",
		a.Light.Accent, a.Light.Strong, a.Light.On, a.Dark.Accent, a.Dark.Strong, a.Dark.On))
}

func newTheme(sheet string) *Theme {
	sum := sha256.Sum256([]byte(sheet))
	return &Theme{
		sheet: template.CSS(sheet), //nolint:gosec // the program's own, and colors that were computed
		hash:  "sha256-" + base64.StdEncoding.EncodeToString(sum[:]),
	}
}

// orUsual is the theme, or the usual one.
func (t *Theme) orUsual() *Theme {
	if t == nil {
		return usual
	}
	return t
}
