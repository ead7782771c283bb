package doctor

import (
	"strings"
)

// settings says what serve would not start with. Its errors name the setting, what is
// wrong and, behind "want", what is accepted.
func (d *Doctor) settings() {
	for _, err := range d.Settings {
		what, want, ok := strings.Cut(err.Error(), "; want ")
		mend := "Mend the setting; `mcpkeep serve --help` lists them."
		if ok {
			mend = "Give " + want + "."
		}
		d.add(Finding{
			Area: areaSettings, Check: "settings", Status: Failed, What: what,
			Why: "The server does not start with this.", Mend: mend,
		})
	}
	if len(d.Settings) == 0 {
		d.ok(areaSettings, "settings", "every setting can be used")
	}
}

// access says who may sign in.
func (d *Doctor) access() {
	const check = "who_may_enter"
	switch {
	case d.Local && !d.Loopback:
		d.add(Finding{
			Area: areaAccess, Check: check, Status: Warning,
			What: "whoever knows one password may sign in, and anybody may try it",
			Why:  "Guessing is slowed down, for the owner as well while somebody guesses; and there is one person only.",
			Mend: "Let a provider sign people in: MCPKEEP_PROVIDER=github, google or oidc.",
		})
	case d.Local && !d.Policy.Empty():
		d.add(Finding{
			Area: areaAccess, Check: check, Status: Warning,
			What: "the lists of who may sign in are not looked at: whoever knows the password may sign in",
			Why:  "Only a provider tells who somebody is; the local password tells one person, the owner.",
			Mend: "Let a provider sign people in: MCPKEEP_PROVIDER=github, google or oidc.",
		})
	case d.Local:
		d.ok(areaAccess, check, "whoever knows the password may sign in")
	case d.Upstream == nil:
		d.skip(areaAccess, check, "who may sign in is not known before the settings are right")
	case d.Policy.AllowAnyone:
		d.add(Finding{
			Area: areaAccess, Check: check, Status: Warning,
			What: "everybody with an account at " + d.Upstream.Title() + " may sign in (MCPKEEP_ALLOW_ANYONE)",
			Why:  "At a public provider that is anybody in the world.",
			Mend: "Set MCPKEEP_ALLOW_ANYONE=false and list people, domains, organisations or groups: MCPKEEP_ALLOWED_USERS and the like.",
		})
	case d.Policy.Empty():
		d.add(Finding{
			Area: areaAccess, Check: check, Status: Failed, What: "nobody may sign in",
			Why: "Every account is refused.", Mend: "Set MCPKEEP_ALLOWED_USERS, _DOMAINS, _ORGS or _GROUPS.",
		})
	default:
		d.ok(areaAccess, check, "listed: "+strings.Join([]string{
			number(len(d.Policy.Users), "person", "people"), number(len(d.Policy.Domains), "domain", "domains"),
			number(len(d.Policy.Orgs), "organisation or team", "organisations and teams"), number(len(d.Policy.Groups), "group", "groups"),
		}, ", "))
	}
	if d.Upstream != nil && len(d.Policy.Admins) == 0 {
		d.ok(areaAccess, "administrators", "there are no administrators (MCPKEEP_ADMINS); commands do what their tools do")
	}
}
