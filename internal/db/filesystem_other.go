//go:build !linux

package db

// fileSystem knows nothing of other systems.
func fileSystem(string) (name string, lost, network bool) { return "", false, false }
