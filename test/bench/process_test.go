//go:build bench

package bench_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	starts      = 9
	idleFor     = 2 * time.Second
	memoryAim   = 30e6 // bytes
	peakAim     = 64e6
	passwords   = 200 // at a time
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
		what: "start to ready, schema up to date", took: pair[float64]{quartile(ready[0]), quartile(ready[1])}, format: millis,
		aim: fmt.Sprintf("< %.0f ms", startAim[e.name]/millisecond), meets: func(ours, _ float64) bool { return ours < startAim[e.name] },
	})
	if memory[0][0] == 0 {
		return // the system does not tell
	}
	r.add(figure{
		what: "resident memory, idle", took: pair[float64]{quartile(memory[0]), quartile(memory[1])}, format: megas,
		aim: "< 30 MB", meets: func(ours, _ float64) bool { return ours < memoryAim },
	})
	r.add(figure{
		what: fmt.Sprintf("peak memory, %d wrong passwords at a time", passwords), format: megas,
		took: pair[float64]{dbs[0].flood(t, binary), dbs[1].flood(t, binary)},
		aim:  "< 64 MB", meets: func(ours, _ float64) bool { return ours < peakAim },
	})
}

// program builds the binary once.
func program(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "mcpkeep")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/mcpkeep")
	build.Dir = harness.Root(t)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// serve starts the program, waits for the ready line, looks at its memory after a
// while and ends it. Memory is 0 where the system does not tell.
func (d *database) serve(t *testing.T, binary string) (ready, resident float64) {
	t.Helper()
	d.run(t, binary, func(took time.Duration, _ string, pid int) {
		ready = float64(took)
		time.Sleep(idleFor)
		resident = memory(t, pid, "VmRSS")
	})
	return ready, resident
}

// flood starts the program, sends wrong passwords at a time and returns the most memory that
// it had.
func (d *database) flood(t *testing.T, binary string) (peak float64) {
	t.Helper()
	d.run(t, binary, func(_ time.Duration, server string, pid int) {
		var verified atomic.Int64
		var all sync.WaitGroup
		for range passwords {
			all.Go(func() {
				if status, _ := harness.WrongPassword(t.Context(), server); status == http.StatusForbidden {
					verified.Add(1)
				}
			})
		}
		all.Wait()
		if verified.Load() == 0 {
			t.Error("no password was verified")
		}
		peak = memory(t, pid, "VmHWM")
	})
	return peak
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// run starts the program, does something once it is ready, and ends it.
func (d *database) run(t *testing.T, binary string, meanwhile func(took time.Duration, server string, pid int)) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "serve", "--listen", "127.0.0.1:0", "--database-url", d.url)
	cmd.Env = append(os.Environ(), "MCPKEEP_ENCRYPTION_KEYS="+d.key, "MCPKEEP_LOCAL_PASSWORD=bench password", "MCPKEEP_LOG_FORMAT=json")
	out := get(cmd.StdoutPipe())(t)
	start := time.Now()
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	took := time.Since(start)
	if err != nil || !strings.HasPrefix(line, "listening on ") {
		t.Fatalf("not ready: %q %v", line, err)
	}
	meanwhile(took, address.FindString(line), cmd.Process.Pid)
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	must(t, cmd.Wait())
}

// memory is a line of a process's status, in bytes; 0 where the system does not tell.
func memory(t *testing.T, pid int, name string) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), name+":")
	kib := get(strconv.Atoi(strings.Fields(rest)[0]))(t)
	return float64(kib) * 1024
}
