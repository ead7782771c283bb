package app

import (
	"cmp"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Who may have personal tokens.
const (
	PersonalOff    = string(server.PersonalOff)
	PersonalOn     = string(server.PersonalOn)
	PersonalAdmins = string(server.PersonalAdmins)
)

// IsAdmin reports whether a user is an administrator: by a list, or as the owner with a password.
func IsAdmin(admins []string, p storage.Person) bool {
	return p.Issuer == identity.Local{}.Issuer() || identity.Policy{Admins: trimmed(admins)}.IsAdmin(recheck.PersonOf(p))
}

// checkPersonal says who may have personal tokens.
func (s Settings) checkPersonal() (server.PersonalTokens, *SettingError) {
	mode := server.PersonalTokens(cmp.Or(s.PersonalTokens, string(server.PersonalOff)))
	switch mode {
	case server.PersonalOff, server.PersonalOn:
		return mode, nil
	case server.PersonalAdmins:
		if len(trimmed(s.Admins)) == 0 && s.Provider.Kind != "" && s.Provider.Kind != Local {
			return mode, problem("PersonalTokens", "users in {Admins}, or on", "there are no administrators")
		}
		return mode, nil
	}
	return "", problem("PersonalTokens", "off, on or admins", "%q is not known", s.PersonalTokens)
}
