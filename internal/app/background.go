package app

import (
	"context"

	"github.com/mcpkeep/mcpkeep/internal/cleaner"
	"github.com/mcpkeep/mcpkeep/internal/logging"
)

// clean removes what has expired or is not needed any more, from time to time and on
// one replica at a time.
func (a *App) clean(ctx context.Context) {
	c := cleaner.Cleaner{
		Store: a.repo, ReturnTokens: a.server.ReturnTokens, Keep: a.checked.retention(), Now: a.db.Now, Log: a.log,
	}
	c.Run(ctx)
}

// lookUp asks an OpenID provider about itself at start, so that what is wrong is in
// the log before people come. A provider that is down does not stop the start.
func (a *App) lookUp(ctx context.Context) {
	discoverer, ok := a.checked.Provider.(interface{ Discover(context.Context) error })
	if !ok {
		return
	}
	if err := discoverer.Discover(ctx); err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "the sign-in provider cannot be used now", logging.Error, err)
	}
}
