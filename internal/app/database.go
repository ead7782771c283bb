package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/logging"
)

// OpenFor is how long a server waits at start for a database that does not answer.
const OpenFor = 30 * time.Second

// OpenDatabase opens the database and waits until it answers, for at most so long. It
// does not wait when the server refuses for good.
func OpenDatabase(ctx context.Context, url string, log *slog.Logger, atMost time.Duration) (*db.DB, error) {
	return openAs(ctx, "DatabaseURL", url, log, atMost)
}

// OpenForMigration is OpenDatabase for the URL of the role, or the way, that migrates.
func OpenForMigration(ctx context.Context, url string, log *slog.Logger) (*db.DB, error) {
	return openAs(ctx, "MigrateDatabaseURL", url, log, OpenFor)
}

func openAs(ctx context.Context, field, url string, log *slog.Logger, atMost time.Duration) (*db.DB, error) {
	d, err := db.Open(ctx, url)
	if errors.Is(err, db.ErrBadURL) {
		return nil, because(field, "", err)
	}
	if err != nil {
		return nil, unusable(field, err)
	}
	d.OnWait(func(holder string) {
		log.WarnContext(ctx, "waiting for another process that migrates this database", "holder", holder)
	})
	err = await(ctx, d, log, atMost)
	var refused *db.RefusedError
	if errors.As(err, &refused) {
		return nil, unusable(field, refused)
	}
	return d, err
}

// open opens the database of the settings.
func (s Settings) open(ctx context.Context, log *slog.Logger) (*db.DB, error) {
	if s.Pool == nil {
		return OpenDatabase(ctx, s.DatabaseURL, log, OpenFor)
	}
	d := db.FromPool(s.Pool)
	return d, await(ctx, d, log, OpenFor)
}

// migrate brings the schema up to date, over the connection for that if there is one.
func (s Settings) migrate(ctx context.Context, serving *db.DB, log *slog.Logger) error {
	if version, err := serving.Version(ctx); s.MigrateDatabaseURL == "" || err == nil && version >= db.NeededVersion() {
		_, err := serving.Migrate(ctx)
		return err
	}
	migrating, err := OpenForMigration(ctx, s.MigrateDatabaseURL, log)
	if err != nil {
		return err
	}
	defer func() { _ = migrating.Close() }()
	if _, err := migrating.Migrate(ctx); err != nil {
		return err
	}
	if err := migrating.Grant(ctx, serving); err != nil {
		return err
	}
	version, err := serving.Version(ctx)
	if err == nil && version < db.NeededVersion() {
		return problem("MigrateDatabaseURL", "the same database and the same search_path", "is not where {DatabaseURL} finds its tables")
	}
	return err
}

// sayPooler says what `mcpkeep doctor` says.
func (s Settings) sayPooler(ctx context.Context, d *db.DB, log *slog.Logger) {
	switch {
	case !d.Pooled():
	case s.MigrateDatabaseURL != "" || s.NoAutoMigrate:
		log.InfoContext(ctx, "database pooler", "found", db.ThroughPooler, "migrations", "use another connection")
	default:
		log.WarnContext(ctx, "database pooler", "found", db.ThroughPooler, "fix", db.PoolerFix)
	}
}

// await waits until the database answers, and closes one that does not.
func await(ctx context.Context, d *db.DB, log *slog.Logger, atMost time.Duration) error {
	deadline := time.Now().Add(atMost)
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 3*time.Second) {
		err := ping(ctx, d)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			_ = d.Close()
			return ctx.Err()
		}
		var refused *db.RefusedError
		if errors.As(err, &refused) { // waiting changes nothing
			_ = d.Close()
			return refused
		}
		if time.Until(deadline) < wait {
			_ = d.Close()
			return fmt.Errorf("gave up waiting for the database (%v): %w", atMost, err)
		}
		log.WarnContext(ctx, "waiting for the database",
			logging.Error, strings.Join(strings.Fields(err.Error()), " "), "giving_up_in", time.Until(deadline).Round(time.Second).String())
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

// checkDatabase refuses two databases; what a URL says is checked when it is opened.
func (s Settings) checkDatabase() *SettingError {
	if s.Pool != nil && s.DatabaseURL != "" && s.DatabaseURL != DefaultDatabaseURL {
		return problem("Pool", "one of the two", "is set, and so is {DatabaseURL}")
	}
	return nil
}
