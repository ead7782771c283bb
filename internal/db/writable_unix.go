//go:build unix

package db

import "golang.org/x/sys/unix"

// writable says whether files can be made in a folder, which SQLite needs for its
// write-ahead log.
func writable(folder string) bool { return unix.Access(folder, unix.W_OK|unix.X_OK) == nil }
