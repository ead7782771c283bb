package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// reloadAtHangup reads the configuration file again at each SIGHUP, until the context ends.
// Without a file the signal ends the process, as it does by default.
func (f *serveFlags) reloadAtHangup(ctx context.Context, a *app.App, log *slog.Logger) {
	if setting.Trim(f.Config) == "" {
		return
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangup)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				f.reload(ctx, a, log)
			}
		}
	}()
}

// reload changes nothing when something is wrong with the file.
func (f *serveFlags) reload(ctx context.Context, a *app.App, log *slog.Logger) {
	file, err := f.upstreams()
	if err == nil {
		err = a.Reload(file.Upstreams)
	}
	if err != nil {
		log.ErrorContext(ctx, "the configuration stays as it was", logging.Error, err)
		return
	}
	warn(ctx, log, file)
	log.InfoContext(ctx, "configuration read again", "upstreams", len(file.Upstreams))
}
