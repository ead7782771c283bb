//go:build linux || darwin

package process

import (
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// Names and roles under which this program is a supervisor. The name keeps a `pkill mcpkeep`
// from hitting the supervisors as well, whose task it is to clean up afterwards.
const (
	supervisorName = "stdio-supervisor"
	roleSupervise  = "supervise"
	roleExec       = "exec"
)

// Descriptors of a supervisor.
const (
	fdControl = 3 // the plan, then orders; for the second role the plan alone
	fdReports = 4
)

// Reports of a supervisor: lines with a word and its text.
const (
	reportStarted = "started"
	reportFailed  = "failed"
	reportEnded   = "ended"

	exitedWell = "exit status 0"
)

// init turns the program into a supervisor, before main and before the initialization of
// packages that this one does not need: it takes less time and memory, and works in every
// program that contains this package. The main goroutine keeps its thread during init, which
// matters to the signal that a parent's end causes (Linux).
//
//nolint:gochecknoinits // see above
func init() {
	if len(os.Args) != 2 || os.Args[0] != supervisorName {
		return
	}
	switch os.Args[1] {
	case roleSupervise:
		supervise()
	case roleExec:
		become()
	}
	os.Exit(1)
}

// supervise runs a command until it, or mcpkeep, has ended.
func supervise() {
	syscall.CloseOnExec(fdControl)
	syscall.CloseOnExec(fdReports)
	control, reports := os.NewFile(fdControl, "control"), os.NewFile(fdReports, "reports")
	signals := make(chan os.Signal, 16)
	// A signal that reaches everything ends mcpkeep, which ends this process in order.
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	adoptOrphans()
	p, err := readPlan(control)
	if err != nil {
		os.Exit(1)
	}
	pid, err := launch(p)
	if err != nil {
		report(reports, reportFailed, err.Error())
		return
	}
	forgetStreams()
	report(reports, reportStarted, strconv.Itoa(pid))
	s := &supervisor{pid: pid, signals: signals, orders: make(chan byte), ended: make(chan string)}
	go s.read(control)
	go s.wait()
	report(reports, reportEnded, s.run())
	s.endGroup()
	os.Exit(0)
}

func report(w io.Writer, kind, text string) {
	_, _ = io.WriteString(w, kind+" "+text+"\n") // mcpkeep may be gone
}

// forgetStreams leaves input and output to the command: their other ends notice when it closes
// them. Errors of the supervisor go where those of the command go.
func forgetStreams() {
	_, _ = syscall.Close(0), syscall.Close(1)
}
