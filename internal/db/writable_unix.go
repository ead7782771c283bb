//go:build unix

package db

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// writable reports whether files can be made in a folder, which SQLite needs for its
// write-ahead log.
func writable(folder string) bool { return unix.Access(folder, unix.W_OK|unix.X_OK) == nil }

// usable reports whether a file can be read and written.
func usable(file string) bool { return unix.Access(file, unix.R_OK|unix.W_OK) == nil }

// ownerOf returns the user id that owns a file.
func ownerOf(info fs.FileInfo) (uid int, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
