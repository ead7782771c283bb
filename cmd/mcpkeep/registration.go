package main

import (
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// registrationFlags say which clients may register, and how long they are kept.
type registrationFlags struct {
	Registration      string        `name:"registration" env:"MCPKEEP_REGISTRATION" default:"open" placeholder:"MODE" help:"Which clients may register by themselves: open (any), allowlist (those on the person's own machine and those that --registration-hosts lists), closed (none)."`
	RegistrationHosts []string      `name:"registration-hosts" env:"MCPKEEP_REGISTRATION_HOSTS" placeholder:"HOST" help:"With allowlist: hosts of redirect URIs, such as claude.ai, and private-use schemes, such as cursor:, exactly. Default none."`
	MaxClients        int64         `name:"max-clients" env:"MCPKEEP_MAX_CLIENTS" default:"0" help:"How many clients there may be; beyond that the oldest ones that nobody ever used make room, and a registration without room is answered 429. 0 is any number."`
	Readopt           string        `name:"readopt" env:"MCPKEEP_READOPT" default:"known" placeholder:"MODE" help:"Which clients with an unknown id a person may let in on the consent page, to be registered anew under it: off (none), known (those on the person's own machine and hosted ones of known vendors), open (any that may register)."`
	ClientUnusedTTL   time.Duration `name:"client-unused-ttl" env:"MCPKEEP_CLIENT_UNUSED_TTL" default:"0" help:"How long a client is kept that registered and that nobody ever used; 0 keeps it for ever."`
}

// shortestUnusedTTL leaves people time for the sign-in that a registration is for.
const shortestUnusedTTL = time.Hour

// registration checks the flags.
func (f *registrationFlags) registration() (oauth.RegistrationPolicy, error) {
	switch {
	case f.MaxClients < 0:
		return oauth.RegistrationPolicy{}, usagef("MCPKEEP_MAX_CLIENTS (--max-clients): %d is out of range; want 0 (any number) or more", f.MaxClients)
	case f.ClientUnusedTTL != 0 && f.ClientUnusedTTL < shortestUnusedTTL:
		return oauth.RegistrationPolicy{}, usagef("MCPKEEP_CLIENT_UNUSED_TTL (--client-unused-ttl): %v is out of range; want 0 (for ever), or 1h or more", f.ClientUnusedTTL)
	case len(f.RegistrationHosts) > 0 && f.Registration != string(oauth.RegistrationAllowlist):
		return oauth.RegistrationPolicy{}, usagef("MCPKEEP_REGISTRATION_HOSTS (--registration-hosts): means nothing without MCPKEEP_REGISTRATION=allowlist")
	}
	if _, err := oauth.ParseReadoptMode(f.Readopt); err != nil {
		return oauth.RegistrationPolicy{}, usagef("MCPKEEP_READOPT (--readopt): %w", err)
	}
	if _, err := oauth.NewRegistrationPolicy(oauth.RegistrationMode(f.Registration), nil); err != nil {
		return oauth.RegistrationPolicy{}, usagef("MCPKEEP_REGISTRATION (--registration): %w", err)
	}
	policy, err := oauth.NewRegistrationPolicy(oauth.RegistrationMode(f.Registration), f.RegistrationHosts)
	if err != nil {
		return policy, usagef("MCPKEEP_REGISTRATION_HOSTS (--registration-hosts): %w", err)
	}
	return policy, nil
}

// retention says how long what does not expire by itself is kept.
func (c *serveCmd) retention(set settings) storage.Retention {
	return storage.Retention{
		Grace: set.lifetimes.Grace, Events: c.EventsTTL,
		UnusedClients: c.ClientUnusedTTL, CountClients: c.MaxClients > 0,
	}
}
