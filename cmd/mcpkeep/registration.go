package main

import (
	"time"

	"github.com/mcpkeep/mcpkeep"
)

// registrationFlags say which clients may register, and how long they are kept.
type registrationFlags struct {
	Registration      string        `name:"registration" env:"MCPKEEP_REGISTRATION" default:"open" placeholder:"MODE" help:"Which clients may register themselves: open (any), allowlist (loopback redirect URIs and those that --registration-hosts lists), closed (none)."`
	RegistrationHosts []string      `name:"registration-hosts" env:"MCPKEEP_REGISTRATION_HOSTS" placeholder:"HOST" help:"With allowlist: hosts of redirect URIs, such as claude.ai, and private-use schemes, such as cursor:; exact matches. Default none."`
	MaxClients        int64         `name:"max-clients" env:"MCPKEEP_MAX_CLIENTS" default:"0" help:"Maximum number of clients. When full, the oldest never-used clients are evicted; if there are none, registration returns 429. 0 means unlimited."`
	Readopt           string        `name:"readopt" env:"MCPKEEP_READOPT" default:"known" placeholder:"MODE" help:"Whether a user may re-register a client whose ID is unknown: off (never), known (loopback clients and hosted clients of known vendors), open (any client that may register)."`
	ReadoptRedirects  []string      `name:"readopt-redirects" env:"MCPKEEP_READOPT_REDIRECTS" placeholder:"URI" help:"Further redirect URIs whose clients count as known for --readopt; exact matches. Default none."`
	ClientUnusedTTL   time.Duration `name:"client-unused-ttl" env:"MCPKEEP_CLIENT_UNUSED_TTL" default:"0" help:"How long to keep a client that registered itself but was never used; 0 keeps it forever."`
}

func (f *registrationFlags) registration() mcpkeep.Registration {
	return mcpkeep.Registration{
		Mode: f.Registration, Hosts: f.RegistrationHosts, MaxClients: f.MaxClients, UnusedFor: f.ClientUnusedTTL,
	}
}
