//go:build linux || darwin

package process

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// closeListed closes the descriptors of a folder when the command begins, but for the standard ones.
func closeListed(folder string) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= fdControl {
			syscall.CloseOnExec(fd)
		}
	}
}

// limitFiles bounds the number of open files.
func limitFiles(most uint64) error {
	if most == 0 {
		return nil
	}
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return err
	}
	most = min(most, uint64(now.Max)) //nolint:unconvert // signed on some systems
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: most, Max: most})
}

// Of waitid(2).
const (
	byPID     = 1
	wExited   = 4
	codeExit  = 1
	bytesInfo = 128
)

// waitFor waits for the end of a child and says how it ended, without reaping it.
func waitFor(pid int) string {
	var info [bytesInfo / 8]uint64 // siginfo_t
	for {
		_, _, err := syscall.Syscall6(syscall.SYS_WAITID, byPID, uintptr(pid), uintptr(unsafe.Pointer(&info)), wExited|wNoWait, 0, 0) //nolint:gosec // the buffer stays until the call returns
		if err == syscall.EINTR {
			continue
		}
		if err != 0 {
			return "ended: " + err.Error()
		}
		break
	}
	at := func(offset uintptr) int {
		return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), offset))) //nolint:gosec // within the buffer
	}
	status := at(siginfoPID + 8)
	if at(8) == codeExit {
		return "exit status " + strconv.Itoa(status)
	}
	return "signal: " + syscall.Signal(status).String()
}
