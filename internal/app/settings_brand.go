package app

import (
	"github.com/mcpkeep/mcpkeep/internal/brand"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// Brand is mcpkeep.Brand.
type Brand struct {
	Logo, Accent, Support, Terms, Privacy string
}

// checkName refuses a name that could pass for words of the pages.
func checkName(name string) *SettingError {
	if bad := checkTitle("Name", name); bad != nil {
		return bad
	}
	if err := brand.CheckName(name); err != nil {
		return problem("Name", "a name such as Acme tools", "%q %w", name, err)
	}
	return nil
}

// check reads what pages show of the operator.
func (b Brand) check() (set server.Brand, bad *SettingError) {
	if b.Logo != "" {
		logo, err := brand.ReadLogo(b.Logo)
		if err != nil {
			return set, because("Brand.Logo", "the path of a PNG or SVG file of at most 256 kB", err)
		}
		set.Logo = logo
	}
	if b.Accent != "" {
		accent, err := brand.ParseAccent(b.Accent)
		if err != nil {
			return set, problem("Brand.Accent", "a color such as #0b6152", "%q is %w", b.Accent, err)
		}
		set.Theme = pages.NewTheme(accent)
	}
	if b.Support != "" {
		var err error
		if set.Support.Href, set.Support.Text, err = brand.ParseSupport(b.Support); err != nil {
			return set, problem("Brand.Support", "a mail address, or an https URL", "%q is %w", b.Support, err)
		}
	}
	for _, link := range []struct {
		field, text string
		to          *string
	}{{"Brand.Terms", b.Terms, &set.Terms}, {"Brand.Privacy", b.Privacy, &set.Privacy}} {
		if link.text == "" {
			continue
		}
		var err error
		if *link.to, err = brand.ParseLink(link.text); err != nil {
			return set, problem(link.field, "an https URL", "%q is %w", link.text, err)
		}
	}
	return set, nil
}
