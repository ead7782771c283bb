package app

import "github.com/mcpkeep/mcpkeep/internal/upstreams"

// CheckUpstreams says what a server with a sign-in provider would refuse of these.
func CheckUpstreams(provider string, entries []upstreams.Upstream) error {
	s := Settings{Provider: Provider{Kind: provider}}
	return s.admitTo(entries)
}
