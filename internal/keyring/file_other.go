//go:build !unix

package keyring

import "os"

// checkMode accepts every file: access lists are not permission bits.
func checkMode(*os.File) error { return nil }

// syncDir does nothing: a folder cannot be synced.
func syncDir(string) error { return nil }
