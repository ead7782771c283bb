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

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestProcess measures the program itself: from exec to the ready line, beside
// the bare start of the same binary (version), and memory when idle.
func TestProcess(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "mcpkeep")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "../../cmd/mcpkeep")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	key := keyring.Generate()
	table := newTable("START\tENGINE\tREADY\tmcpkeep version\tRATIO")
	memory := newTable("MEMORY\tENGINE\tIDLE RSS")
	for name, url := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "m.db"), "postgres": pgtest.New(t)} {
		serve(t, binary, url, key) // migrates
		var ready, bare []time.Duration
		var rss int
		for range starts {
			took, kib := serve(t, binary, url, key)
			ready, rss = append(ready, took), kib
			start := time.Now()
			must(t, exec.Command(binary, "version").Run())
			bare = append(bare, time.Since(start))
		}
		table.row("start to ready (migrated)", name, median(ready), median(bare))
		_, _ = fmt.Fprintf(memory, "after start\t%s\t%.1f MiB\n", name, float64(rss)/1024)
	}
	must(t, table.Flush())
	must(t, memory.Flush())
}

var rssLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// serve starts the program, waits for the ready line and ends it.
func serve(t *testing.T, binary, url, key string) (ready time.Duration, rssKiB int) {
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--database-url", url)
	cmd.Env = append(os.Environ(), "MCPKEEP_ENCRYPTION_KEYS="+key, "MCPKEEP_LOCAL_PASSWORD=bench password")
	out, err := cmd.StdoutPipe()
	must(t, err)
	start := time.Now()
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	ready = time.Since(start)
	if err != nil || !strings.HasPrefix(line, "listening on ") {
		t.Fatalf("not ready: %q %v", line, err)
	}
	time.Sleep(200 * time.Millisecond)
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)); err == nil {
		if m := rssLine.FindSubmatch(status); m != nil {
			rssKiB, _ = strconv.Atoi(string(m[1]))
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	must(t, cmd.Wait())
	return ready, rssKiB
}
