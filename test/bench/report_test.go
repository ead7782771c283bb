//go:build bench

package bench_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// growthAim is how much the many clients may cost, against the few.
const growthAim = 1.2

// report collects the lines of the table.
type report struct {
	engine  string
	clients pair[int]
	lines   []string
}

// figure is one measurement with both databases.
type figure struct {
	what   string
	took   pair[float64]
	beside pair[float64] // what it is compared with; 0 for nothing
	rate   bool          // more is better
	grows  bool          // may cost more with more clients, as what it is compared with does
	format func(float64) string
	aim    string
	meets  func(ours, ratio float64) bool // nil for no aim
}

func newReport() *report { return &report{} }

func (r *report) begin(engine string, dbs pair[*database]) {
	r.engine, r.clients = engine, pair[int]{dbs[0].clients, dbs[1].clients}
}

// add adds a line for each of the databases.
func (r *report) add(f figure) {
	for i := range r.clients {
		r.lines = append(r.lines, r.line(f, i))
	}
}

func (r *report) line(f figure, i int) string {
	var beside, ratio, growth string
	var aims, missed []string
	q := 0.0
	if f.beside[i] > 0 {
		q = f.took[i] / f.beside[i]
		beside, ratio = f.format(f.beside[i]), fmt.Sprintf("%.2f", q)
	}
	judge := func(aim string, met bool) {
		aims = append(aims, aim)
		if !met {
			missed = append(missed, aim)
		}
	}
	if f.meets != nil {
		judge(f.aim, f.meets(f.took[i], q))
	}
	if i == 1 {
		g := f.took[1] / f.took[0]
		if f.rate {
			g = 1 / g
		}
		growth = fmt.Sprintf("%.2f", g)
		if !f.grows {
			judge(fmt.Sprintf("growth ≤ %.1f", growthAim), g <= growthAim)
		}
	}
	return cells(f.what, r.engine, thousands(r.clients[i]), f.format(f.took[i]), beside, ratio, growth,
		strings.Join(aims, ", "), verdict(aims, missed))
}

func verdict(aims, missed []string) string {
	switch {
	case len(aims) == 0:
		return ""
	case len(missed) > 0:
		return "**missed: " + strings.Join(missed, ", ") + "**"
	}
	return "met"
}

func cells(texts ...string) string { return "| " + strings.Join(texts, " | ") + " |" }

func (r *report) print() {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d processors, %s %s/%s\n\n", time.Now().UTC().Format(time.DateOnly),
		runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintln(&b, cells("Measure", "Engine", "Clients", "mcpkeep", "Baseline", "Ratio", "Growth", "Aim", ""))
	fmt.Fprintln(&b, "|---|---|--:|--:|--:|--:|--:|---|---|")
	fmt.Fprintln(&b, strings.Join(r.lines, "\n"))
	_, _ = os.Stdout.WriteString(b.String())
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func micros(v float64) string { return fmt.Sprintf("%.1f µs", v/1e3) }
func millis(v float64) string { return fmt.Sprintf("%.0f ms", v/1e6) }
func perSec(v float64) string { return fmt.Sprintf("%.0f/s", v) }
func megas(v float64) string  { return fmt.Sprintf("%.1f MB", v/1e6) }
