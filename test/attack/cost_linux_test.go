//go:build attack

package attack_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	// costMost is what a request may cost before anyone is authenticated.
	costMost = 2 * time.Millisecond
	// memoryMost is what the server may take in a flood of passwords, in MB: of what it
	// allocates, since the system takes back what it mapped of the program's file.
	memoryMost = 64
	// tick is the unit of times in /proc.
	tick = 10 * time.Millisecond
)

// TestCost: before authentication a request costs at most two milliseconds of the
// processor, apart from the two signatures that an assertion may have verified.
func TestCost(t *testing.T) {
	for _, e := range harness.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			p := harness.Start(t, e.Options(t))
			for _, k := range kinds(t, p) {
				const many = 100
				client := &http.Client{Timeout: time.Minute}
				f := &flood{}
				f.one(t.Context(), client, p.URL, k) // whatever is done once
				before := processor(t, p)
				for range many {
					f.one(t.Context(), client, p.URL, k)
				}
				each := (processor(t, p) - before) / many
				t.Logf("%-16s %v of the processor for each request", k.name, each.Round(time.Microsecond))
				most := costMost
				if k.name == assertionsKind {
					most += 2 * verification(t)
				}
				if each > most {
					t.Errorf("%s: %v, want at most %v", k.name, each, most)
				}
			}
		})
	}
}

// TestMemory: however many passwords come at a time, they take memory once.
func TestMemory(t *testing.T) {
	p := harness.Start(t, harness.Engines()[0].Options(t))
	time.Sleep(2 * time.Second)
	idle := memory(t, p, "VmRSS")
	const many = 200
	var all sync.WaitGroup
	statuses := make(chan int, many)
	peak, stop := watch(t, p)
	for range many {
		all.Go(func() {
			status, err := harness.WrongPassword(t.Context(), p.URL)
			if err != nil && status == 0 {
				t.Error(err)
			}
			statuses <- status
		})
	}
	all.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	stop()
	t.Logf("%d passwords at a time, answers %v: %.0f MB idle, %.0f MB at the peak, of which %.0f MB allocated",
		many, count, idle, memory(t, p, "VmHWM"), *peak)
	if *peak > memoryMost || *peak == 0 {
		t.Errorf("%.0f MB, want at most %d", *peak, memoryMost)
	}
	if count[http.StatusForbidden] == 0 {
		t.Error("no password was looked at")
	}
}

// watch looks every few milliseconds what a process has allocated, in MB, until it is stopped.
func watch(t *testing.T, p *harness.Process) (peak *float64, stop func()) {
	t.Helper()
	peak = new(float64)
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				*peak = max(*peak, memory(t, p, "RssAnon"))
			}
		}
	})
	return peak, func() { close(done); watching.Wait() }
}

// verification is how long a signature of the largest keys takes to be verified, on this machine
// at this time.
func verification(t *testing.T) time.Duration {
	t.Helper()
	const many = 50
	key, sum := rsaKeys()[0], sha256.Sum256(nil)
	signed, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range many {
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signed); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began) / many
}

// processor is the processor time that a process has taken.
func processor(t *testing.T, p *harness.Process) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		t.Skip("the system does not tell: ", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}

// memory is a line of a process's status, in MB.
func memory(t *testing.T, p *harness.Process, name string) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		t.Skip("the system does not tell: ", err)
	}
	_, rest, _ := strings.Cut(string(status), name+":")
	kilobytes, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kilobytes * 1024 / 1e6
}
