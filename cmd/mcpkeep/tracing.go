package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/tracing"
)

// spansFor is how long the last spans may take at the end.
const spansFor = 3 * time.Second

// startTracing exports spans as OpenTelemetry's variables say. stop sends the last ones.
func startTracing(ctx context.Context, log *slog.Logger) (stop func(), err error) {
	end, err := tracing.Start(ctx, buildVersion(), os.Getenv, func(err error) {
		log.WarnContext(ctx, "traces", logging.Error, err)
	})
	if errors.Is(err, tracing.ErrNotBuilt) {
		log.WarnContext(ctx, "traces", logging.Error, err)
		return func() {}, nil
	}
	if err != nil {
		return nil, usageError{err}
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), spansFor)
		defer cancel()
		end(ctx)
	}, nil
}
