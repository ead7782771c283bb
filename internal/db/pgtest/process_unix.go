//go:build unix && !linux

package pgtest

import "syscall"

// sysProcAttr starts a process in a group of its own, out of reach of a
// terminal's Ctrl-C. No signal follows its parent's death on these systems:
// the janitor alone sees to that.
func sysProcAttr(cred *syscall.Credential, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: cred}
}
