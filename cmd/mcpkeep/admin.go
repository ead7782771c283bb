package main

import "github.com/mcpkeep/mcpkeep/internal/setting"

// adminFlags say whether there are pages for administrators.
type adminFlags struct {
	AdminPages string `name:"admin-pages" env:"MCPKEEP_ADMIN_PAGES" default:"on" placeholder:"on|off" help:"Whether administrators (--admins, or the local provider's user) have pages at /admin: on or off."`
}

// noAdminPages checks the flag, whose value is no boolean.
func (f *adminFlags) noAdminPages() (bool, error) {
	if f.AdminPages != "on" && f.AdminPages != "off" {
		return false, setting.Errorf("MCPKEEP_ADMIN_PAGES", "on or off", "%q is not known", f.AdminPages)
	}
	return f.AdminPages == "off", nil
}
