package logging

import (
	"context"
	"errors"
	"log/slog"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// WithReference returns a logger that adds the reference of the request in the context
// and its trace to each line (storage.ActorOf, WithTrace) and cuts values that are too long for
// one. A logger that does so already is returned as it is.
func WithReference(l *slog.Logger) *slog.Logger {
	if _, ok := l.Handler().(handler); ok {
		return l
	}
	return slog.New(handler{l.Handler()})
}

type handler struct{ slog.Handler }

// Handle implements slog.Handler. An error because the client hung up is no fault of
// anyone's, and of interest only when something is looked for.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level > slog.LevelDebug && hungUp(ctx, r) {
		r.Level = slog.LevelDebug
		if !h.Enabled(ctx, r.Level) {
			return nil
		}
	}
	line := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		line.AddAttrs(bound(a))
		return true
	})
	if ref := storage.ReferenceOf(ctx); ref != "" {
		line.AddAttrs(slog.String(Reference, ref))
	}
	line.AddAttrs(traceAttrs(ctx)...)
	return h.Handler.Handle(ctx, line)
}

// hungUp reports whether a line is about an error that a client caused by hanging up.
func hungUp(ctx context.Context, r slog.Record) (so bool) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		so = so || a.Key == Error && ok && errors.Is(err, context.Canceled)
		return !so
	})
	return so
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(bounded(attrs))}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
