package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/audit"
)

// checkEventsLog refuses a log that would drop the lines.
func (s Settings) checkEventsLog() *SettingError {
	if !s.EventsLog || s.Logger == nil || s.Logger.Enabled(context.Background(), slog.LevelInfo) {
		return nil
	}
	return problem("EventsLog", "false, or a log of the level info or debug", "the log has no lines of the level info")
}

// newEventLog returns what logs events, nil when that is off.
func (a *App) newEventLog() *audit.Log {
	if !a.checked.settings.EventsLog {
		return nil
	}
	return &audit.Log{Store: a.repo, Now: a.db.Now, Log: a.log}
}

// logEvents logs events, from when the schema has what that needs.
func (a *App) logEvents(ctx context.Context) {
	const lookEvery = time.Second
	for current := false; !current; {
		current, _ = a.repo.SchemaIsCurrent(ctx)
		if current {
			a.eventLog.Run(ctx)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}
