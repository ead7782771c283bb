//go:build linux || darwin

package process

import (
	"io"
	"os"
	"syscall"
	"time"
)

// Times of an end.
const (
	stopTerm = 2 * time.Second // after the standard input was closed
	stopKill = 5 * time.Second
	lostKill = 500 * time.Millisecond // after SIGTERM, when mcpkeep is gone

	// For what a command leaves behind:
	leftStep = 2 * time.Millisecond
	leftKill = 500 * time.Millisecond // after SIGTERM
	leftLast = 10 * time.Second       // what stays longer, no signal ends
)

// supervisor is the parent of a command.
type supervisor struct {
	pid     int // of the command, and of its process group
	signals chan os.Signal
	orders  chan byte
	ended   chan string
	hard    bool // what is left gets no time to end
}

// orderLost is what the end of the pipe from mcpkeep means.
const orderLost = 'l'

// read passes on what mcpkeep wants.
func (s *supervisor) read(control io.Reader) {
	b := make([]byte, 1)
	for {
		if _, err := control.Read(b); err != nil {
			s.orders <- orderLost
			return
		}
		s.orders <- b[0]
	}
}

// wait waits for the end of the command, whose entry in the process table stays: it reserves
// the number of the process group for signals.
func (s *supervisor) wait() { s.ended <- waitFor(s.pid) }

// run follows orders until the command has ended, and returns how.
func (s *supervisor) run() string {
	var term, kill <-chan time.Time
	for {
		select {
		case how := <-s.ended:
			return how
		case <-s.signals:
			s.reapOrphans()
		case order := <-s.orders:
			switch {
			case order == orderStop && kill == nil:
				term, kill = time.After(stopTerm), time.After(stopKill)
			case order == orderLost:
				s.signal(syscall.SIGTERM)
				kill = time.After(lostKill)
			case order == orderKill:
				s.kill()
			}
		case <-term:
			s.signal(syscall.SIGTERM)
		case <-kill:
			s.kill()
		}
	}
}

// signal reaches all of the command's process group.
func (s *supervisor) signal(sig syscall.Signal) { _ = syscall.Kill(-s.pid, sig) }

func (s *supervisor) kill() {
	s.hard = true
	s.signal(syscall.SIGKILL)
}

// endGroup ends what the command has left behind, in its group and outside.
func (s *supervisor) endGroup() {
	if !s.hard {
		s.signal(syscall.SIGTERM)
		s.signalOrphans(syscall.SIGTERM)
		for deadline := time.Now().Add(leftKill); s.left() && time.Now().Before(deadline); time.Sleep(leftStep) {
			s.reapOrphans()
		}
	}
	s.signal(syscall.SIGKILL)
	for deadline := time.Now().Add(leftLast); time.Now().Before(deadline); time.Sleep(leftStep) {
		s.signalOrphans(syscall.SIGKILL) // those of orphans that died are orphans now
		if s.reapOrphans(); !s.left() {
			return
		}
	}
}
