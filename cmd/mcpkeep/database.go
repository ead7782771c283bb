package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
)

// openFor is how long a database that does not answer is waited for at start.
const openFor = 30 * time.Second

// openDatabase opens the database and waits until it answers, for at most so long.
func (f *databaseFlags) openDatabase(ctx context.Context, log *slog.Logger, atMost time.Duration) (*db.DB, error) {
	d, err := db.Open(ctx, f.DatabaseURL)
	if errors.Is(err, db.ErrBadURL) {
		return nil, usageError{fmt.Errorf("DATABASE_URL (--database-url): %w", err)}
	}
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL (--database-url): %w", err)
	}
	deadline := time.Now().Add(atMost)
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 3*time.Second) {
		if err = ping(ctx, d); err == nil {
			return d, nil
		}
		if ctx.Err() != nil {
			_ = d.Close()
			return nil, ctx.Err()
		}
		if time.Until(deadline) < wait {
			_ = d.Close()
			return nil, fmt.Errorf("gave up waiting for the database (%v): %w", atMost, err)
		}
		log.Warn("waiting for the database", "error", oneLine(err.Error()), "giving_up_in", time.Until(deadline).Round(time.Second).String())
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func ping(ctx context.Context, d *db.DB) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return d.Ping(ctx)
}
