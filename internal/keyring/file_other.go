//go:build !unix

package keyring

// syncDir does nothing: a folder cannot be synced.
func syncDir(string) error { return nil }
