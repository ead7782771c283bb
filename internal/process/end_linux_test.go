package process_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

// family is a script that leaves behind children, a daemon of another session, and orphans.
const family = `sleep 1000 & (sleep 1000 & sleep 1000 &) ; setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & sleep 0.2; `

const familySize = 8 // with the shell itself

// TestNothingIsLeft: children, orphans and daemons end with the command, whether it is asked to
// end, is killed, or ends by itself.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	needs(t, "setsid")
	for name, tt := range map[string]struct {
		script string
		end    func(*process.Process)
		within time.Duration // from the end on; generous
	}{
		"stopped": {family + "echo ready; cat", (*process.Process).Stop, longest},
		"killed":  {family + "trap '' TERM; echo ready; sleep 1000; sleep 1000", (*process.Process).Kill, longest},
		"by itself": {family + "echo ready; read x; exit 3", func(p *process.Process) {
			_, _ = p.Stdin.Write([]byte("x\n"))
		}, longest},
		"children that ignore SIGTERM": {"trap '' TERM; " + family + "echo ready; read x; exit 3", (*process.Process).Stop, longest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mark := newMark(t)
			p := start(t, shell(tt.script, mark))
			if _, err := bufio.NewReader(p.Stdout).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if n := len(marked(t, mark)); n < familySize {
				t.Fatalf("%d processes, want %d", n, familySize)
			}
			tt.end(p)
			gone(t, p)
			if left := marked(t, mark); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// TestKilledKeeper: when mcpkeep is killed, nothing of its commands is left, and no supervisor.
func TestKilledKeeper(t *testing.T) {
	t.Parallel()
	needs(t, "setsid")
	mark := newMark(t)
	scripts := []string{family + "echo ready; cat", "trap '' TERM INT HUP; " + family + "echo ready; while :; do sleep 1000; done", "echo ready; exec sleep 1000"}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	keeper := exec.Command(self)
	keeper.Env = []string{path, "PROCESS_TEST_ROLE=keeper", mark, "PROCESS_TEST_SCRIPTS=" + strings.Join(scripts, ";;")}
	out, err := keeper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	var supervisors []string
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "all"; {
		pid, ok := strings.CutPrefix(lines.Text(), "started ")
		if !ok {
			t.Fatal(lines.Text())
		}
		supervisors = append(supervisors, parentOf(t, pid))
	}
	if n := len(marked(t, mark)); len(supervisors) != len(scripts) || n < 2*familySize+1 {
		t.Fatalf("%d supervisors and %d processes", len(supervisors), n)
	}
	_ = keeper.Process.Kill()
	_ = keeper.Wait()
	eventually(t, "processes are left", func() bool { return len(marked(t, mark)) == 0 })
	for _, pid := range supervisors {
		eventually(t, "a supervisor is left", func() bool { return !lives(pid) })
	}
}

// TestKilledSupervisor: a command does not outlive its supervisor.
func TestKilledSupervisor(t *testing.T) {
	t.Parallel()
	mark := newMark(t)
	p := start(t, shell("trap '' TERM; sleep 1000 & echo ready; while :; do sleep 1000; done", mark))
	if _, err := bufio.NewReader(p.Stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	supervisor, err := strconv.Atoi(parentOf(t, strconv.Itoa(p.PID())))
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} { // meant for mcpkeep
		_ = syscall.Kill(supervisor, sig)
	}
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, p)
	if !errors.Is(p.Err(), process.ErrExited) {
		t.Errorf("%v", p.Err())
	}
	eventually(t, "processes are left", func() bool { return len(marked(t, mark)) == 0 })
}

// TestSignalToSupervisor: what reaches all processes of a machine or a unit leaves the supervisor
// at work.
func TestSignalToSupervisor(t *testing.T) {
	t.Parallel()
	p := start(t, shell("while read x; do echo $x; done"))
	supervisor, err := strconv.Atoi(parentOf(t, strconv.Itoa(p.PID())))
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(p.Stdout)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if err := syscall.Kill(supervisor, sig); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintln(p.Stdin, sig)
		if line, err := out.ReadString('\n'); err != nil || line != fmt.Sprintln(sig) {
			t.Fatalf("%q %v", line, err)
		}
	}
	select {
	case <-p.Done():
		t.Error("the command has ended:", p.Err())
	default:
	}
}

// TestOrphansAreReaped: what ends while the command runs leaves no entry in the process table.
func TestOrphansAreReaped(t *testing.T) {
	t.Parallel()
	p := start(t, shell("i=0; while [ $i -lt 30 ]; do (sleep 0.1 &) ; i=$((i+1)); done; echo ready; cat"))
	if _, err := bufio.NewReader(p.Stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	supervisor := parentOf(t, strconv.Itoa(p.PID()))
	eventually(t, "the supervisor keeps dead children", func() bool {
		children := 0
		tasks, _ := os.ReadDir("/proc/" + supervisor + "/task")
		for _, task := range tasks {
			list, _ := os.ReadFile("/proc/" + supervisor + "/task/" + task.Name() + "/children")
			children += len(strings.Fields(string(list)))
		}
		return children == 1
	})
}
