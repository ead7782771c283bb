package metrics

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	vm "github.com/VictoriaMetrics/metrics"
)

// Emit adds a sample to a scrape: the name of a series with its labels, and its value.
type Emit func(series string, value float64)

// Source is asked for samples at each scrape. What it cannot know it leaves out.
type Source func(ctx context.Context, emit Emit)

// Ask adds a source.
func (m *Metrics) Ask(s Source) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources = append(m.sources, s)
}

// Series is the name of a series with one label.
func Series(name, label, value string) string { return withLabel(name, label, value) }

// Write writes all samples in Prometheus's text format 0.0.4.
func (m *Metrics) Write(ctx context.Context, w io.Writer) error {
	var lines bytes.Buffer
	m.set.WritePrometheus(&lines)
	vm.WriteProcessMetrics(&lines)
	vm.WriteFDMetrics(&lines)
	emit := func(series string, value float64) { fmt.Fprintf(&lines, "%s %s\n", series, number(value)) }
	emit("mcpkeep_provider_unanswered_since_timestamp_seconds", float64(m.unansweredSince.Load()))
	m.mu.Lock()
	sources := m.sources
	m.mu.Unlock()
	for _, ask := range sources {
		ask(ctx, emit)
	}
	return describe(w, lines.String())
}

func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// describe writes samples in the order of Families, each family with its help and type. The
// library exposes further families of the runtime, which are left out.
func describe(w io.Writer, samples string) error {
	byFamily := map[string]*strings.Builder{}
	families := Families()
	kinds := make(map[string]Kind, len(families))
	for _, f := range families {
		kinds[f.Name], byFamily[f.Name] = f.Kind, new(strings.Builder)
	}
	for line := range strings.Lines(samples) {
		if b := byFamily[familyOf(line, kinds)]; b != nil {
			b.WriteString(line)
		}
	}
	for _, f := range families {
		if byFamily[f.Name].Len() == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s", f.Name, f.Help, f.Name, f.Kind, byFamily[f.Name]); err != nil {
			return err
		}
	}
	return nil
}

// familyOf returns the family of a sample.
func familyOf(line string, kinds map[string]Kind) string {
	name := line
	if end := strings.IndexAny(line, "{ "); end >= 0 {
		name = line[:end]
	}
	if kinds[name] != "" {
		return name
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && (kinds[base] == Histogram || kinds[base] == Summary) {
			return base
		}
	}
	return name
}

// Path is the only path that Handler knows.
const Path = "/metrics"

// Handler serves GET /metrics, and nothing else.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		if err := m.Write(r.Context(), &body); err != nil {
			http.Error(w, "no metrics", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(body.Bytes())
	})
	return mux
}
