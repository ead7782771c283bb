//go:build otel

package tracing_test

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/tracing"
)

// TestUnsupported: what this build cannot do stops the start and names the variable.
func TestUnsupported(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"OTEL_TRACES_EXPORTER":        {"OTEL_TRACES_EXPORTER": "zipkin"},
		"OTEL_EXPORTER_OTLP_PROTOCOL": {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
	} {
		_, err := tracing.Start(t.Context(), "test", func(name string) string { return env[name] }, func(error) {})
		if err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
