package logging_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/logging"
)

// TestBounded: no value, in whatever form, makes a line long.
func TestBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 4000)
	for name, log := range map[string]func(*slog.Logger){
		"string":     func(l *slog.Logger) { l.InfoContext(t.Context(), "x", "url", long) },
		"error":      func(l *slog.Logger) { l.InfoContext(t.Context(), "x", "error", errors.New(long)) },
		"group":      func(l *slog.Logger) { l.InfoContext(t.Context(), "x", slog.Group("g", "url", long)) },
		"attributes": func(l *slog.Logger) { l.With("url", long).InfoContext(t.Context(), "x") },
	} {
		var out bytes.Buffer
		log(logging.WithReference(slog.New(slog.NewJSONHandler(&out, nil))))
		if out.Len() > 700 || !strings.Contains(out.String(), `ü…"`) {
			t.Errorf("%s: %d bytes: %.200s", name, out.Len(), out.String())
		}
	}
	var out bytes.Buffer
	logging.WithReference(slog.New(slog.NewJSONHandler(&out, nil))).InfoContext(t.Context(), "x", "stack", strings.Repeat("s", 4000))
	if !strings.Contains(out.String(), strings.Repeat("s", 4000)) {
		t.Error("a stack trace is cut")
	}
}
