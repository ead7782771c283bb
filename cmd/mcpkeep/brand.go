package main

import "github.com/mcpkeep/mcpkeep"

// brandFlags say whose pages they are.
type brandFlags struct {
	Logo       string `name:"logo" env:"MCPKEEP_LOGO" placeholder:"FILE" help:"PNG or SVG file of at most 256 kB, shown on pages. An SVG may contain plain shapes only. Default none."`
	Accent     string `name:"accent" env:"MCPKEEP_ACCENT" placeholder:"COLOR" help:"Color of buttons and links on pages, such as #0b6152; legible shades are derived from it. Default a green."`
	Support    string `name:"support" env:"MCPKEEP_SUPPORT" placeholder:"ADDRESS" help:"Mail address or https URL for users who need help, shown on error pages. Default none."`
	TermsURL   string `name:"terms-url" env:"MCPKEEP_TERMS_URL" placeholder:"URL" help:"Terms of service: an https URL, linked from pages and named in the metadata. Default none."`
	PrivacyURL string `name:"privacy-url" env:"MCPKEEP_PRIVACY_URL" placeholder:"URL" help:"Privacy policy: an https URL, linked from pages and named in the metadata. Default none."`
}

func (f *brandFlags) brand() mcpkeep.Brand {
	return mcpkeep.Brand{Logo: f.Logo, Accent: f.Accent, Support: f.Support, Terms: f.TermsURL, Privacy: f.PrivacyURL}
}
