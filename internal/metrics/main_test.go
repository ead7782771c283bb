package metrics_test

import (
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// newMetrics returns metrics with the events that the program has.
func newMetrics() *metrics.Metrics {
	var types []string
	for _, t := range storage.EventTypes() {
		types = append(types, string(t))
	}
	return metrics.New(types)
}

// scrape returns the samples by series, and the whole text.
func scrape(t *testing.T, m *metrics.Metrics) (samples map[string]string, text string) {
	t.Helper()
	var b strings.Builder
	if err := m.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	samples = map[string]string{}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		if _, twice := samples[line[:i]]; twice {
			t.Errorf("%s is there twice", line[:i])
		}
		samples[line[:i]] = strings.TrimSpace(line[i:])
	}
	return samples, b.String()
}
