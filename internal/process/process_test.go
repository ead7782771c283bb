package process_test

import (
	"bufio"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

func TestEcho(t *testing.T) {
	t.Parallel()
	began := time.Now()
	p, err := process.Start(process.Command{Path: "sh", Args: []string{"-c", `while read x; do echo "got $x"; done; echo bye >&2; sleep 100 & exit 3`},
		Env: []string{"PATH=/usr/bin:/bin"}, Stderr: func(l string) { t.Log(l) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(began))
	_, _ = p.Stdin.Write([]byte("hello\n"))
	b := bufio.NewReader(p.Stdout)
	line, err := b.ReadString('\n')
	t.Log(line, err, p.PID())
	p.Stop()
	<-p.Done()
	t.Log(time.Since(began), p.Err())
	<-p.Gone()
	t.Log(time.Since(began))
	line, err = b.ReadString('\n')
	t.Log(line, err)
}
