//go:build unix

package setting

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// noWait keeps a named pipe without a writer from stopping the start.
const noWait = syscall.O_NONBLOCK

const (
	othersWrite = 0o022 // group or others
	othersRead  = 0o004
)

// checkOwner refuses a file that another user could have written, or that everyone reads
// although it is not root's, as mounted secrets are.
func checkOwner(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return unreadable(path, err)
	}
	if info.IsDir() {
		return &FileError{Path: path, Problem: "a directory; want the file in it"}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return judgeOwner(path, info.Mode(), int(stat.Uid), os.Geteuid())
}

// judgeOwner returns what is wrong with a file of this mode and owner for a program that
// runs as self.
func judgeOwner(path string, mode fs.FileMode, owner, self int) error {
	perm := mode.Perm()
	switch {
	case owner != 0 && owner != self:
		return &FileError{
			Path: path, Fix: ownFix(path),
			Problem: fmt.Sprintf("belongs to user %d, who could change it; want root or user %d, as which mcpkeep runs", owner, self),
		}
	case perm&othersWrite != 0:
		fix := "chmod 600 " + quoted(path)
		if owner == 0 {
			fix = "chmod go-w " + quoted(path) // another user may have to read it
		}
		return &FileError{Path: path, Problem: fmt.Sprintf("mode %04o lets other users write it", perm), Fix: fix}
	case perm&othersRead != 0 && owner != 0:
		return &FileError{Path: path, Problem: fmt.Sprintf("mode %04o lets every user read it", perm), Fix: "chmod 600 " + quoted(path)}
	}
	return nil
}

// ownFix is the command that gives the file to the running user, whom a container's image
// names by number.
func ownFix(path string) string {
	uid := os.Geteuid()
	return fmt.Sprintf("chown %d %s && chmod 400 %s", uid, quoted(path), quoted(path))
}

// quoted is a path as one word for a shell.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@%,=", r))
	}
	if path != "" && strings.TrimFunc(path, plain) == "" && !strings.HasPrefix(path, "-") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
