//go:build linux || darwin

package process_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

// TestStderr: a flood is cut down, and counted; lines are short and printable.
func TestStderr(t *testing.T) {
	t.Parallel()
	lines := make(chan string, 10_000)
	cmd := shell(`printf 'a\033[2Jb\r\n' >&2; head -c 100000 /dev/zero | tr '\0' x >&2; echo >&2; i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done; printf 'no end' >&2`)
	cmd.Stderr = func(line string) { lines <- line }
	p := start(t, cmd)
	gone(t, p)
	var list []string
	passed, dropped := 0, 0
	eventually(t, "lines are missing", func() bool {
		for len(lines) > 0 {
			line := <-lines
			list = append(list, line)
			if text, ok := strings.CutSuffix(line, " more lines dropped)"); ok {
				n, _ := strconv.Atoi(strings.TrimPrefix(text, "("))
				dropped += n
			} else {
				passed++
			}
		}
		return passed+dropped == 2003
	})
	if list[0] != "a[2Jb" || len([]rune(list[1])) != 1000 || !strings.HasSuffix(list[1], "…") {
		t.Errorf("%q", list[:2])
	}
	if dropped == 0 || passed > 1000 { // it writes for less than ten seconds
		t.Errorf("%d lines passed, %d were dropped", passed, dropped)
	}
}

// TestStderrUnread: no one has to listen.
func TestStderrUnread(t *testing.T) {
	t.Parallel()
	p := start(t, process.Command{Path: "sh", Args: []string{"-c", "head -c 1000000 /dev/zero >&2; exit 5"}, Env: []string{path}})
	<-p.Done()
	if err := p.Err(); err == nil || !strings.HasSuffix(err.Error(), "exit status 5") {
		t.Error(err)
	}
}
