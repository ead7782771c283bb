//go:build unix

package gateway

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkScan reads 1 MB of arguments, in the pieces that the transport reads.
func BenchmarkScan(b *testing.B) {
	for name, argument := range map[string]string{
		"text":    `"` + strings.Repeat("x", 1<<20-8) + `"`,
		"numbers": `{"x":12,"y":-3.5e3}`,
		"lines":   `"` + strings.Repeat(`some text of a file\n`, 1000) + `"`,
	} {
		b.Run(name, func(b *testing.B) {
			body := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"list":[` +
				strings.Repeat(argument+",", 1<<20/(len(argument)+1)) + `0]}}}`)
			b.SetBytes(int64(len(body)))
			before := processorTime()
			for b.Loop() {
				var s scanner
				for rest := body; len(rest) > 0; {
					n := min(len(rest), 32<<10)
					s.write(rest[:n])
					rest = rest[n:]
				}
				if len(s.called) != 1 {
					b.Fatal(s.called)
				}
			}
			b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// processorTime is what this process has used so far: other programs run as well.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
