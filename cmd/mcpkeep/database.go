package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/db"
)

// openDatabase opens the database and waits until it responds, at most for atMost.
func (f *databaseFlags) openDatabase(ctx context.Context, log *slog.Logger, atMost time.Duration) (*db.DB, error) {
	d, err := app.OpenDatabase(ctx, f.url(), log, atMost)
	return d, new(serveFlags).named(err)
}
