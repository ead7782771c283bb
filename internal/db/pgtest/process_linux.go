package pgtest

import "syscall"

// sysProcAttr starts a process in a group of its own, out of reach of a
// terminal's Ctrl-C. The kernel sends it orphaned when its parent dies.
func sysProcAttr(cred *syscall.Credential, orphaned syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: cred, Pdeathsig: orphaned}
}
