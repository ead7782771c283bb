package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownProgram is this program, even if another version has taken its place on disk.
func ownProgram() (string, error) { return "/proc/self/exe", nil }

// adoptOrphans makes this process the parent of all that its descendants leave behind.
func adoptOrphans() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// ofCommand gives the command a process group of its own, and ends it with its supervisor.
func ofCommand() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// endWithParent asks again for the end with the supervisor: a change of the user forgets it.
func endWithParent() { _ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0) }

// closeOnExec closes all descriptors but the standard ones when the command begins: also those
// that mcpkeep has inherited.
func closeOnExec() {
	if unix.CloseRange(fdControl, ^uint(0), unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	closeListed("/proc/self/fd") // before Linux 5.11
}

// limitMemory bounds the data segment: heap and private mappings.
func limitMemory(most uint64) error {
	if most == 0 {
		return nil
	}
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &now); err != nil {
		return err
	}
	most = min(most, now.Max)
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: most})
}

// orphans are the children of this process but for the command.
func (s *supervisor) orphans() (list []int) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	if len(lists) == 0 {
		return s.orphansOfAll()
	}
	for _, path := range lists {
		text, _ := os.ReadFile(path) //nolint:gosec // a path of the kernel
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil && pid != s.pid {
				list = append(list, pid)
			}
		}
	}
	return list
}

// orphansOfAll looks at all processes, for kernels without lists of children.
func (s *supervisor) orphansOfAll() (list []int) {
	own := strconv.Itoa(os.Getpid())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, _ := os.ReadFile(path) //nolint:gosec // a path of the kernel
		_, rest, _ := strings.Cut(string(text[max(0, bytes.LastIndexByte(text, ')')):]), " ")
		fields := strings.Fields(rest) // state, parent
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && pid != s.pid && len(fields) > 1 && fields[1] == own {
			list = append(list, pid)
		}
	}
	return list
}

func (s *supervisor) left() bool { return len(s.orphans()) > 0 }

// signalOrphans signals what left the command's process group. A child of this process keeps its
// number until it is reaped here.
func (s *supervisor) signalOrphans(sig syscall.Signal) {
	for _, pid := range s.orphans() {
		_ = syscall.Kill(pid, sig)
	}
}

func (s *supervisor) reapOrphans() {
	for _, pid := range s.orphans() {
		_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
	}
}

// siginfoPID is where the union of siginfo_t begins: aligned like a pointer.
const siginfoPID = 12 + (^uintptr(0)>>63)*4

const wNoWait = unix.WNOWAIT
