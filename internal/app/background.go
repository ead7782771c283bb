package app

import (
	"context"
	"log/slog"

	"github.com/mcpkeep/mcpkeep/internal/cleaner"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// clean removes what has expired or is not needed any more, from time to time and on
// one replica at a time.
func (a *App) clean(ctx context.Context) { a.checked.Cleaner(a.repo, a.db, a.log).Run(ctx) }

// Cleaner cleans a store as a server with these settings does.
func (c Checked) Cleaner(store *repo.Repo, d *db.DB, log *slog.Logger) *cleaner.Cleaner {
	provider := server.Config{Store: store, Provider: c.Provider, Logger: log, Now: d.Now}
	return &cleaner.Cleaner{Store: store, ReturnTokens: provider.ReturnTokens, Keep: c.retention(), Now: d.Now, Log: log}
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
