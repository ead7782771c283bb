package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ReadFile reads a key file: keys on lines or separated by commas, with lines of
// comment that begin with '#'. It returns what Parse takes. A file that others
// than its owner can read is refused; fs.ErrNotExist when there is none.
func ReadFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return "", fmt.Errorf("key file %s has mode %04o, so others can read it: want 0600", path, mode)
	}
	content, err := os.ReadFile(path) //nolint:gosec // the operator's own path
	if err != nil {
		return "", err
	}
	var keys []string
	for line := range strings.Lines(string(content)) {
		line = strings.Trim(strings.TrimSpace(line), ",")
		if line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	if len(keys) == 0 {
		return "", fmt.Errorf("key file %s holds no key", path)
	}
	return strings.Join(keys, ","), nil
}

// CreateFile makes a key file with a new key, readable by its owner only, unless
// there is one. It is durable when it returns; of several processes at once one
// makes it, and none sees half of it.
func CreateFile(path string) (created bool, err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".mcpkeep-key-*") // mode 0600
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.Remove(temp.Name())) }()
	if err := fill(temp); err != nil {
		return false, err
	}
	// A link, other than a rename, fails when the name is taken.
	if err := os.Link(temp.Name(), path); errors.Is(err, fs.ErrExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, syncDir(filepath.Dir(path))
}

func fill(f *os.File) error {
	_, err := f.WriteString("# mcpkeep encryption key: back it up apart from the database\n" + Generate() + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
