package app

import (
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/assertion"
	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// newSigner returns what signs the assertions that upstreams get.
func (a *App) newSigner() *assertion.Signer {
	return assertion.New(assertion.Config{Store: a.repo, Now: a.db.Now, Log: a.log, Wanted: func() bool {
		return slices.ContainsFunc(a.upstreams(), func(b behind) bool { return b.entry.Assert })
	}})
}

// assert says how an upstream gets assertions.
func (a *App) assert(entry upstreams.Upstream) gateway.Assert {
	if !entry.Assert {
		return gateway.Assert{}
	}
	return gateway.Assert{Signer: a.signer, Issuer: a.checked.BaseURL, Audience: entry.Audience}
}
