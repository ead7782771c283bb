//go:build !linux

package db

// fileSystem knows nothing of other systems.
func fileSystem(string) (name string, lost, network bool) { return "", false, false }

// sameFileSystem is only needed where containers run.
func sameFileSystem(string, string) bool { return false }
