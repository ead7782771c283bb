//go:build linux || darwin

package process_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

// TestTalk: input and output are the command's, errors are lines, and its end is told.
func TestTalk(t *testing.T) {
	t.Parallel()
	lines := make(chan string, 10)
	cmd := shell(`while read x; do echo "got $x"; done; echo "a  line" >&2; exit 3`)
	cmd.Stderr = func(line string) { lines <- line }
	p := start(t, cmd)
	out := bufio.NewReader(p.Stdout)
	for _, word := range []string{"one", "two"} {
		if _, err := p.Stdin.Write([]byte(word + "\n")); err != nil {
			t.Fatal(err)
		}
		if line, err := out.ReadString('\n'); err != nil || line != "got "+word+"\n" {
			t.Fatalf("%q %v", line, err)
		}
	}
	if p.Err() != nil {
		t.Error(p.Err())
	}
	_ = p.Stdin.Close()
	<-p.Done()
	if err := p.Err(); !errors.Is(err, process.ErrExited) || !strings.HasSuffix(err.Error(), "exit status 3") {
		t.Errorf("%v", err)
	}
	if line := <-lines; line != "a line" {
		t.Errorf("%q", line)
	}
	if rest, err := io.ReadAll(out); len(rest) > 0 || err != nil {
		t.Errorf("%q %v", rest, err)
	}
}

// TestStop: the input is closed first; SIGTERM comes after two seconds, SIGKILL after five.
func TestStop(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		script      string
		after, most time.Duration
		want        string
	}{
		"ends with its input":  {"echo ready; cat; exit 0", 0, 2 * time.Second, ""},
		"ends at SIGTERM":      {"trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done", 2 * time.Second, 5 * time.Second, "exit status 7"},
		"dies of SIGTERM":      {"echo ready; exec sleep 1000", 2 * time.Second, 5 * time.Second, "signal: terminated"},
		"ignores both":         {"trap '' TERM; echo ready; while :; do sleep 1; done", 5 * time.Second, longest, "signal: killed"},
		"stopped by a signal":  {"echo ready; kill -STOP $$", 5 * time.Second, longest, "signal: killed"},
		"crashes by a SIGKILL": {"echo ready; kill -9 $$", 0, 2 * time.Second, "signal: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, shell(tt.script))
			if _, err := bufio.NewReader(p.Stdout).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			p.Stop()
			p.Stop() // asks for nothing new
			select {
			case <-p.Done():
			case <-time.After(longest):
				t.Fatal("it does not end")
			}
			if took := time.Since(began); took < tt.after || took > tt.most {
				t.Errorf("ended after %v, want %v to %v", took, tt.after, tt.most)
			}
			if err := p.Err(); tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasSuffix(err.Error(), tt.want)) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// TestClosedInput: a command that closes its input is noticed, rather than filling a pipe.
func TestClosedInput(t *testing.T) {
	t.Parallel()
	p := start(t, shell("exec <&-; echo ready; exec sleep 1000"))
	if _, err := bufio.NewReader(p.Stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stdin.Write([]byte("x")); err == nil {
		t.Error("written to no one")
	}
}

// TestClosedOutput: so is one that closes its output.
func TestClosedOutput(t *testing.T) {
	t.Parallel()
	p := start(t, shell("exec >&-; exec sleep 1000"))
	if _, err := io.ReadAll(p.Stdout); err != nil {
		t.Error(err)
	}
}
