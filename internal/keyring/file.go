package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// ReadFile reads a key file and returns its keys in the form that Parse takes. A
// file holds keys on lines or separated by commas; a '#' begins a comment. It is
// refused when it holds no key, and when [setting.ReadFile] refuses its owner or mode.
// Errors name the path and hold nothing of the content; errors.Is(err, fs.ErrNotExist)
// when there is no file.
func ReadFile(path string) (spec string, err error) {
	content, err := setting.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("key file %w", err)
	}
	keys := keyTexts(setting.Trim(content))
	if len(keys) == 0 {
		return "", fmt.Errorf("key file %s: contains no key", path)
	}
	return strings.Join(keys, ","), nil
}

// ReadSecret reads keys from what [setting.Secret] takes, in the form that Parse takes. They
// are there as in a file.
func ReadSecret(value string) (spec string, err error) {
	content, err := setting.Secret(value)
	if err != nil {
		return "", err
	}
	return strings.Join(keyTexts(content), ","), nil
}

func keyTexts(content string) []string {
	var keys []string
	for line := range strings.Lines(content) {
		line, _, _ = strings.Cut(line, "#")
		for text := range strings.SplitSeq(line, ",") {
			if text = strings.TrimSpace(text); text != "" {
				keys = append(keys, text)
			}
		}
	}
	return keys
}

// CreateFile makes a key file with one new key, readable and writable by its
// owner only. If there is a file of that name, whatever it holds, created is
// false and nothing changes. When it returns, the file survives a power cut. Of
// several concurrent processes exactly one makes the file, and none of them ever
// sees a part of it.
func CreateFile(path string) (created bool, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, err // there, possibly in a folder that cannot be written to
	}
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".key-*.tmp") // mode 0600
	if err != nil {
		return false, fmt.Errorf("create key file %s: %w", path, err)
	}
	defer func() { _ = os.Remove(temp.Name()) }() // its content is under path, or unused
	if err := fill(temp); err != nil {
		return false, fmt.Errorf("create key file %s: %w", path, err)
	}
	// A rename would replace the file of a faster process.
	err = os.Link(temp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return false, fmt.Errorf("create key file %s: %w", path, err)
	}
	created = err == nil
	// The slower ones sync too: they are about to use a key that the fastest may
	// not have made durable yet.
	if err := syncDir(dir); err != nil {
		return created, fmt.Errorf("create key file %s: %w", path, err)
	}
	return created, nil
}

func fill(f *os.File) error {
	_, err := f.WriteString(Generate() + "\n") // nothing else, so that any program can take it from there
	return errors.Join(err, f.Sync(), f.Close())
}
