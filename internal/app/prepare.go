package app

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
)

// migratedEvery is how often a process that must not migrate looks whether another
// one has.
const migratedEvery = 2 * time.Second

// prepare checks the keys against the database and makes sure that the local provider
// has a password.
func (a *App) prepare(ctx context.Context) error {
	current, err := a.repo.SchemaIsCurrent(ctx)
	if err != nil {
		return err
	}
	if !current {
		return ErrOldSchema
	}
	if err := a.shareTables(ctx); err != nil {
		return err
	}
	if err := a.repo.CheckKeys(ctx, a.db.Now()); err != nil {
		return err
	}
	if _, local := a.checked.Provider.(identity.Local); !local {
		return nil
	}
	// argon2 takes 19 MiB, which would count as this process's until the runtime
	// returns them.
	defer debug.FreeOSMemory()
	return a.setUpPassword(ctx, a.repo)
}

// prepareLater prepares as soon as another process has migrated. Until then the server
// runs, and its readiness says why it is not ready.
func (a *App) prepareLater(ctx context.Context) {
	a.log.WarnContext(ctx, "not ready", logging.Error, ErrOldSchema)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(migratedEvery):
		}
		err := a.prepare(ctx)
		if err == nil {
			a.log.InfoContext(ctx, "the schema is up to date now")
			return
		}
		if !errors.Is(err, ErrOldSchema) && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "not ready", logging.Error, err)
		}
	}
}
