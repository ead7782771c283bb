//go:build !otel

package tracing_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/tracing"
)

// TestNotInTheProgram: OpenTelemetry is in no build without the tag.
func TestNotInTheProgram(t *testing.T) {
	t.Parallel()
	for tags, want := range map[string]bool{"": false, "otel": true} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", tags, "../../cmd/mcpkeep").Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(out), "go.opentelemetry.io"); got != want {
			t.Errorf("tags %q: OpenTelemetry in the program: %v", tags, got)
		}
	}
}

// TestAskedForSpans: a build without spans says so, if the variables ask for them.
func TestAskedForSpans(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env  map[string]string
		want error
	}{
		"nothing":  {nil, nil},
		"endpoint": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, tracing.ErrNotBuilt},
		"traces":   {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, tracing.ErrNotBuilt},
		"exporter": {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, tracing.ErrNotBuilt},
		"none":     {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, nil},
		"disabled": {map[string]string{"OTEL_SDK_DISABLED": "TRUE", "OTEL_TRACES_EXPORTER": "otlp"}, nil},
	} {
		stop, err := tracing.Start(t.Context(), "test", func(name string) string { return tt.env[name] }, func(error) {})
		if !errors.Is(err, tt.want) || err == nil && tt.want != nil {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if stop != nil {
			stop(context.Background())
		}
	}
}
