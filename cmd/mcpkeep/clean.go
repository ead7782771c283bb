package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const (
	cleanEvery  = 5 * time.Minute
	cleanAtOnce = 1000 // rows of a kind in one transaction
	// returnAtOnce is how many of the provider's tokens are given back in a row.
	returnAtOnce = 20
)

// clean removes what has expired or is not needed any more, now and then. Any number
// of replicas may do it.
func clean(ctx context.Context, store *repo.Repo, srv *server.Server, keep storage.Retention, log *slog.Logger) {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		returned, err := srv.ReturnTokens(ctx, returnAtOnce)
		if err != nil && ctx.Err() == nil {
			log.Warn("could not take the sign-in provider's tokens that nobody needs", "error", err)
		}
		deleted, err := store.DeleteExpired(ctx, time.Now(), keep, cleanAtOnce)
		if err != nil && ctx.Err() == nil {
			log.Warn("could not delete expired rows", "error", err)
		} else if deleted > 0 || returned > 0 {
			log.Debug("cleaned", "rows", deleted, "provider_tokens", returned)
		}
		if (deleted >= cleanAtOnce || returned == returnAtOnce) && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
