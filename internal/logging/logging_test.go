package logging_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestReference: a line carries the reference of its context, once, also from a logger
// with attributes; a line about no request has none.
func TestReference(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := logging.WithReference(logging.WithReference(slog.New(slog.NewJSONHandler(&out, nil))))
	ctx := storage.WithActor(t.Context(), storage.Actor{Reference: "ref1"})
	for _, log := range []func(){
		func() { l.InfoContext(ctx, "plain") },
		func() { l.With(logging.UserID, "u_1").InfoContext(storage.WithReason(ctx, "why"), "with attributes") },
	} {
		out.Reset()
		if log(); strings.Count(out.String(), `"reference":"ref1"`) != 1 {
			t.Error(out.String())
		}
	}
	out.Reset()
	if l.InfoContext(t.Context(), "about no request"); strings.Contains(out.String(), "reference") {
		t.Error(out.String())
	}
}

// TestHungUp: an error that a client caused by hanging up is logged for debugging only;
// others are logged whatever it did.
func TestHungUp(t *testing.T) {
	t.Parallel()
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	canceled := fmt.Errorf("query: %w", context.Canceled)
	for name, tt := range map[string]struct {
		ctx  context.Context //nolint:containedctx // of one line
		err  error
		want string
	}{
		"hung up":              {gone, canceled, ""},
		"hung up, and a fault": {gone, errors.New("defect"), `"level":"ERROR"`},
		"late":                 {late, fmt.Errorf("query: %w", context.DeadlineExceeded), `"level":"ERROR"`},
		"still there":          {t.Context(), canceled, `"level":"ERROR"`},
	} {
		var out bytes.Buffer
		l := logging.WithReference(slog.New(slog.NewJSONHandler(&out, nil)))
		l.ErrorContext(tt.ctx, "storage unavailable", logging.Error, tt.err)
		if got := out.String(); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		out.Reset()
		l = logging.WithReference(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		if l.ErrorContext(tt.ctx, "storage unavailable", logging.Error, tt.err); out.Len() == 0 {
			t.Errorf("%s: not logged for debugging", name)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	if got := logging.Duration(1234567 * time.Nanosecond).String(); got != "duration_ms=1.234" {
		t.Error(got)
	}
}
