package doctor

import (
	"errors"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// settings reports the settings that serve would not start with.
func (d *Doctor) settings() {
	for _, err := range d.Settings {
		f := Finding{
			Area: areaSettings, Check: "settings", Status: Failed, What: oneLine(err),
			Why: "The server does not start with this setting.", Fix: "Correct the setting; `mcpkeep serve --help` describes it.",
		}
		var bad *setting.Error
		if errors.As(err, &bad) {
			f.What = bad.What()
			if bad.Want != "" {
				f.Fix = "Set it to " + bad.Want + "."
			}
		}
		var file *setting.FileError
		if errors.As(err, &file) {
			f.Fix = fileFix(file)
		}
		if fix, ok := secretFix(err); ok {
			f.Fix = fix
		}
		d.add(f)
	}
	if len(d.Settings) == 0 {
		d.ok(areaSettings, "settings", "all settings are valid")
	}
}

// access reports who may sign in.
func (d *Doctor) access() {
	const check = "access_policy"
	_, local := d.Provider.(identity.Local)
	switch {
	case local && !d.Private:
		d.add(Finding{
			Area: areaAccess, Check: check, Status: Warning,
			What: "anyone who knows one password may sign in, and anyone may try",
			Why:  "Failed attempts are throttled, for the owner too; and there is only one user.",
			Fix:  "Use an external provider: MCPKEEP_PROVIDER=github, google or oidc.",
		})
	case local && !d.Policy.Empty():
		d.add(Finding{
			Area: areaAccess, Check: check, Status: Warning,
			What: "the allow lists are ignored: anyone who knows the password may sign in",
			Why:  "Only an external provider identifies users; the local password identifies one, the owner.",
			Fix:  "Use an external provider: MCPKEEP_PROVIDER=github, google or oidc.",
		})
	case local:
		d.ok(areaAccess, check, "anyone who knows the password may sign in")
	case d.Provider == nil:
		d.skip(areaAccess, check, "who may sign in is unknown until the settings are valid")
	case d.Policy.AllowAnyone:
		d.add(Finding{
			Area: areaAccess, Check: check, Status: Warning,
			What: "anyone with an account at " + d.Provider.Title() + " may sign in (MCPKEEP_ALLOW_ANYONE)",
			Why:  "At a public provider, that is anyone in the world.",
			Fix:  "Set MCPKEEP_ALLOW_ANYONE=false and list users, domains, organizations or groups (MCPKEEP_ALLOWED_USERS, _DOMAINS, _ORGS, _GROUPS).",
		})
	case d.Policy.Empty():
		d.add(Finding{
			Area: areaAccess, Check: check, Status: Failed, What: "no one may sign in",
			Why: "Every account is rejected.", Fix: "Set MCPKEEP_ALLOWED_USERS, _DOMAINS, _ORGS or _GROUPS.",
		})
	default:
		d.ok(areaAccess, check, "allowed: "+strings.Join([]string{
			number(len(d.Policy.Users), "user", "users"), number(len(d.Policy.Domains), "domain", "domains"),
			number(len(d.Policy.Orgs), "organization or team", "organizations and teams"), number(len(d.Policy.Groups), "group", "groups"),
		}, ", "))
	}
	if d.Provider != nil && !local && len(d.Policy.Admins) == 0 {
		d.ok(areaAccess, "administrators", "there are no administrators (MCPKEEP_ADMINS); use the commands instead of their tools")
	}
}
