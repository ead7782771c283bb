//go:build bench

package bench_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	starts      = 9
	idleFor     = 2 * time.Second
	memoryAim   = 30e6 // bytes
	millisecond = 1e6
)

// startAim is how long a start may take.
var startAim = map[string]float64{"SQLite": 150 * millisecond, "PostgreSQL": 300 * millisecond}

// measureProcess measures the program itself, built as it is released: from exec to
// the ready line, and its memory when it has been idle for a while.
func measureProcess(t *testing.T, r *report, e engine, dbs pair[*database]) {
	t.Helper()
	binary := program(t)
	var ready, memory [len(dbs)][]float64
	for range starts {
		for i, d := range dbs {
			took, resident := d.serve(t, binary)
			ready[i], memory[i] = append(ready[i], took), append(memory[i], resident)
		}
	}
	r.add(figure{
		what: "start to ready, migrated", took: pair[float64]{quartile(ready[0]), quartile(ready[1])}, format: millis,
		aim: fmt.Sprintf("< %.0f ms", startAim[e.name]/millisecond), meets: func(ours, _ float64) bool { return ours < startAim[e.name] },
	})
	if memory[0][0] > 0 {
		r.add(figure{
			what: "resident memory, idle", took: pair[float64]{quartile(memory[0]), quartile(memory[1])}, format: megas,
			aim: "< 30 MB", meets: func(ours, _ float64) bool { return ours < memoryAim },
		})
	}
}

// program builds the binary once.
func program(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "mcpkeep")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../../cmd/mcpkeep")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// serve starts the program, waits for the ready line, looks at its memory after a
// while and ends it. Memory is 0 where the system does not tell.
func (d *database) serve(t *testing.T, binary string) (ready, resident float64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "serve", "--listen", "127.0.0.1:0", "--database-url", d.url)
	cmd.Env = append(os.Environ(), "MCPKEEP_ENCRYPTION_KEYS="+d.key, "MCPKEEP_LOCAL_PASSWORD=bench password", "MCPKEEP_LOG_FORMAT=json")
	out := get(cmd.StdoutPipe())(t)
	start := time.Now()
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	ready = float64(time.Since(start))
	if err != nil || !strings.HasPrefix(line, "listening on ") {
		t.Fatalf("not ready: %q %v", line, err)
	}
	time.Sleep(idleFor)
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)); err == nil {
		if m := residentLine.FindSubmatch(status); m != nil {
			kib := get(strconv.Atoi(string(m[1])))(t)
			resident = float64(kib) * 1024
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	must(t, cmd.Wait())
	return ready, resident
}
