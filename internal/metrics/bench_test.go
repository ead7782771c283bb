package metrics_test

import (
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/metrics"
)

// BenchmarkToolCall is what a checked call of a tool costs: a request, an access check at the
// database and the call.
func BenchmarkToolCall(b *testing.B) {
	for name, m := range map[string]*metrics.Metrics{"on": newMetrics(), "off": nil} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					m.Statement("access", time.Millisecond, false)
					m.Call("mcpkeep", "whoami", metrics.OK, time.Millisecond)
					m.Request(metrics.RouteMCP, 200, time.Millisecond)
				}
			})
		})
	}
}
