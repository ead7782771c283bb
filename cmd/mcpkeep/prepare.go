package main

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/repo"
)

// errOldSchema: the schema is too old, and migrating is not for this process.
var errOldSchema = errors.New("the schema is too old: run `mcpkeep migrate up`")

// migratedEvery is how often a server that must not migrate looks whether
// somebody has.
const migratedEvery = 2 * time.Second

// prepare holds the keys against the database and makes sure that the local
// provider has a password; one made here is returned to be shown once.
func (c *serveCmd) prepare(ctx context.Context, store *repo.Repo, local, loopback bool) (password string, err error) {
	current, err := store.SchemaIsCurrent(ctx)
	if err != nil {
		return "", err
	}
	if !current {
		return "", errOldSchema
	}
	if err := store.CheckKeys(ctx, time.Now()); err != nil {
		return "", err
	}
	if !local {
		return "", nil
	}
	// argon2 takes 19 MiB, which would count as this process's until the runtime gives
	// them back by and by.
	defer debug.FreeOSMemory()
	return c.setUpPassword(ctx, store, loopback)
}

// prepareLater prepares as soon as somebody has migrated. Until then the server
// runs, and its readiness says why it is not ready.
func prepareLater(ctx context.Context, prepare func() (string, error), std streams, log *slog.Logger) {
	log.Warn("not ready", "error", errOldSchema)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(migratedEvery):
		}
		password, err := prepare()
		if err == nil {
			showPassword(std, password)
			log.Info("the schema is up to date now")
			return
		}
		if !errors.Is(err, errOldSchema) {
			log.Error("not ready", "error", err)
		}
	}
}
