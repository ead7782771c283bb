package main

import (
	"github.com/mcpkeep/mcpkeep"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// documentFlags say which client ID metadata documents are taken.
type documentFlags struct {
	CIMD                string   `name:"cimd" env:"MCPKEEP_CIMD" default:"on" placeholder:"on|off" help:"Whether to accept client ID metadata documents (an https URL as the client ID): on or off."`
	CIMDHosts           []string `name:"cimd-hosts" env:"MCPKEEP_CIMD_HOSTS" placeholder:"HOST" help:"Hosts whose metadata documents are accepted, such as claude.ai; exact matches. Default any; none when registration is closed."`
	CIMDAllowedNetworks []string `name:"cimd-allowed-networks" env:"MCPKEEP_CIMD_ALLOWED_NETWORKS" placeholder:"CIDR" help:"Private networks from which client documents and keys may be fetched, such as 10.20.0.0/16, on port 443 and ports from 1024 up. Default none."`
}

// documents checks the flag whose value is no boolean.
func (f *documentFlags) documents() (mcpkeep.Documents, error) {
	d := mcpkeep.Documents{Off: f.CIMD == "off", Hosts: f.CIMDHosts, Networks: f.CIMDAllowedNetworks}
	if f.CIMD != "on" && f.CIMD != "off" {
		return d, setting.Errorf("MCPKEEP_CIMD", "on or off", "%q is not known", f.CIMD)
	}
	return d, nil
}
