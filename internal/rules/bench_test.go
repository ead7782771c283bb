//go:build unix

package rules_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/rules"
)

// call is a call of a tool with so many bytes of arguments.
func call(argument string, length int) []byte {
	return []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"list":[` +
		strings.Repeat(argument+",", length/(len(argument)+1)) + `0]}}}`)
}

// arguments are what large calls are made of.
var arguments = map[string]string{
	"text":    `"` + strings.Repeat("x", 1<<20-8) + `"`,
	"numbers": `{"x":12,"y":-3.5e3}`,
	"lines":   `"` + strings.Repeat(`some text of a file\n`, 50) + `"`,
	"umlauts": `"` + strings.Repeat(`Grüße aus München `, 50) + `"`,
}

func BenchmarkParse(b *testing.B) {
	for name, argument := range arguments {
		b.Run(name, func(b *testing.B) {
			body := call(argument, 1<<20)
			b.SetBytes(int64(len(body)))
			before := processorTime()
			for b.Loop() {
				if _, _, err := rules.Parse(body); err != nil {
					b.Fatal(err)
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
