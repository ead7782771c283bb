//go:build unix

package keyring

import (
	"errors"
	"fmt"
	"os"
)

// forOthers are the permissions of everybody but the owner that matter here.
const forOthers = 0o066

func checkMode(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&forOthers != 0 {
		return fmt.Errorf("mode %04o: want 0600", mode)
	}
	return nil
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
