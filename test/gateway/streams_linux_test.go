//go:build attack

package gateway_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/conformance/everything"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// patient is how long something may take that is waited for.
const patient = 3 * time.Minute

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > patient {
			t.Fatalf("after %v: %s", patient, what)
		}
	}
}

// anonymous is the memory that a process has for itself, in KB.
func anonymous(t *testing.T, pid int) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes
}

// descriptors is how many files a process has open.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[`)

// goroutines ends a process with a dump and returns how many goroutines it had.
func goroutines(t *testing.T, p *harness.Process) int {
	t.Helper()
	if err := syscall.Kill(p.PID(), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	p.Wait()
	return len(goroutine.FindAllString(p.Logs.String(), -1))
}

// guarded starts mcpkeep in front of an upstream, and signs a client in.
func guarded(t *testing.T, url string) (*harness.Process, *harness.Client) {
	t.Helper()
	p := harness.Start(t, harness.Options{
		Database: harness.SQLite(t), Args: []string{"--upstream", url + "/mcp"}, Env: []string{"GOTRACEBACK=all"},
	})
	return p, signIn(t, p)
}

// TestStreams: MCPKEEP_TEST_STREAMS open event streams for MCPKEEP_TEST_STREAMS_FOR. It prints
// how much memory each costs, next to what it costs a bare proxy. A slow reader slows no one,
// and nothing is left of the streams when the clients or the upstream go.
func TestStreams(t *testing.T) {
	n := number(t, "MCPKEEP_TEST_STREAMS", 100)
	lasting, err := time.ParseDuration(cmp.Or(os.Getenv("MCPKEEP_TEST_STREAMS_FOR"), "5s"))
	if err != nil {
		t.Fatal(err)
	}
	up := newBroadcaster(t)
	p, c := guarded(t, up.URL)
	bare, pid := harness.BareProxy(t, up.URL)
	listen(t, bare+"/mcp", "", 1).stop()
	ours, bares := holds(t, up, p.URL+"/mcp", c.AccessToken, p.PID(), n, lasting), holds(t, up, bare+"/mcp", "", pid, n, lasting)
	t.Logf("%d streams for %v: %.1f KB each, a bare proxy's %.1f KB: %.2f times", n, lasting, ours, bares, ours/bares)
	if ours > 3*bares {
		t.Errorf("a stream costs %.1f KB, a bare proxy's %.1f KB", ours, bares)
	}

	before := descriptors(t, p.PID())
	l := listen(t, p.URL+"/mcp", c.AccessToken, n)
	up.CloseClientConnections()
	l.ended.Wait()
	settled(t, up, p.PID(), before)
	t.Logf("after the upstream closed %d streams: %d descriptors, %d before", n, descriptors(t, p.PID()), before)

	fresh, _ := guarded(t, up.URL)
	had, has := goroutines(t, fresh), goroutines(t, p)
	t.Logf("%d goroutines after %d streams, %d in a new process", has, 2*n, had)
	if has > had+10 {
		t.Errorf("%d goroutines, %d in a new process", has, had)
	}
}

// holds opens streams for a time, with events for all of them, and returns how many KB of a
// process each costs. One of them is not read.
func holds(t *testing.T, up *broadcaster, url, token string, pid, n int, lasting time.Duration) float64 {
	t.Helper()
	before, files := anonymous(t, pid), descriptors(t, pid)
	l := listen(t, url, token, n)
	eventually(t, "not all streams reached the upstream", func() bool { return up.streams() == n })
	sent, peak := int64(0), 0.0
	for began := time.Now(); time.Since(began) < lasting; time.Sleep(lasting / 5) {
		up.send()
		sent += int64(n)
		peak = max(peak, anonymous(t, pid))
	}
	heard := func() bool { return l.heard.Load() == sent }
	eventually(t, "not all events arrived", heard)
	usual := time.Duration(l.worst.Swap(0))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	slow, err := openStream(ctx, &http.Client{Transport: &http.Transport{}}, url, token, slowReader)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		up.send()
		sent += int64(n)
		eventually(t, "a slow reader holds up the events of others", heard)
	}
	t.Logf("%d events arrived at %s within %v, next to a slow reader within %v", sent, url, usual, time.Duration(l.worst.Load()))
	cancel()
	_ = slow.Close()
	l.stop()
	settled(t, up, pid, files)
	t.Logf("after the clients of %d streams at %s went: %d descriptors, %d before", n+1, url, descriptors(t, pid), files)
	return (peak - before) / float64(n)
}

// settled waits until no stream is left at the upstream, and no more descriptors than before
// but for those of some idle connections.
func settled(t *testing.T, up *broadcaster, pid, before int) {
	t.Helper()
	eventually(t, "streams are left at the upstream", func() bool { return up.streams() == 0 })
	eventually(t, "descriptors are left", func() bool { return descriptors(t, pid) <= before+3 })
}

// TestKilledWithStreams: when mcpkeep is killed, its clients' streams end, those at the
// upstream do, and no process that it started is left.
func TestKilledWithStreams(t *testing.T) {
	n := number(t, "MCPKEEP_TEST_STREAMS", 100)
	up := newBroadcaster(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, _ := configured(t, fmt.Sprintf(`{"mcpServers": {"default": {"url": %q}, "command": {"command": %q, "env": {%q: "1"}, "limits": {"memory": "none"}}}}`,
		up.URL+"/mcp", self, everything.AsStdio))
	c := signIn(t, p)
	at := signInAt(t, p, "/command/mcp")
	var pids []int
	for range 5 { // of one person
		pids = append(pids, pidOf(t, harness.Connect(t, at)))
	}
	before := descriptors(t, os.Getpid())
	l := listen(t, p.URL+"/mcp", c.AccessToken, n)
	eventually(t, "not all streams reached the upstream", func() bool { return up.streams() == n })
	p.Kill9()
	l.ended.Wait()
	for _, pid := range pids {
		gone(t, pid)
	}
	settled(t, up, os.Getpid(), before)
	t.Logf("killed with %d streams and %d processes: no stream and no process is left", n, len(pids))
}
