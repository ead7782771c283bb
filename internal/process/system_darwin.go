package process

import (
	"os"
	"syscall"
)

func ownProgram() (string, error) { return os.Executable() }

// Only Linux hands over orphans; elsewhere the process group is what is known.
func adoptOrphans()                                {}
func (s *supervisor) signalOrphans(syscall.Signal) {}
func (s *supervisor) reapOrphans()                 {}

// left reports whether the group has members: signals to one of dead processes fail.
func (s *supervisor) left() bool { return syscall.Kill(-s.pid, 0) == nil }

func ofCommand() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func endWithParent() {}

func closeOnExec() { closeListed("/dev/fd") }

// limitMemory does nothing: other systems do not count what programs allocate today.
func limitMemory(uint64) error { return nil }

const siginfoPID = 12

const wNoWait = 0x20
