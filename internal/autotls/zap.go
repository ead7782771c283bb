package autotls

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// quietly returns a logger for certmagic that writes everything at the level debug: what
// a person must know is said by this package, in other words.
func quietly(log *slog.Logger) *zap.Logger {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return zap.NewNop()
	}
	return zap.New(core{log})
}

// core is a zapcore.Core that writes to a slog.Logger.
type core struct{ log *slog.Logger }

// Enabled implements zapcore.Core.
func (core) Enabled(zapcore.Level) bool { return true }

// With implements zapcore.Core.
func (c core) With(fields []zapcore.Field) zapcore.Core {
	return core{c.log.With(attributes(fields)...)}
}

// Check implements zapcore.Core.
func (c core) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return to.AddCore(e, c)
}

// Write implements zapcore.Core.
func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	c.log.Debug("certmagic", append([]any{slog.String("step", e.Message)}, attributes(fields)...)...) //nolint:sloglint // zap has no context
	return nil
}

// Sync implements zapcore.Core.
func (core) Sync() error { return nil }

func attributes(fields []zapcore.Field) []any {
	m := zapcore.NewMapObjectEncoder()
	out := make([]any, 0, len(fields))
	for _, f := range fields {
		f.AddTo(m)
	}
	for name, value := range m.Fields {
		out = append(out, slog.Any(name, value))
	}
	return out
}
