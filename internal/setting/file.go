package setting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
)

// filePrefix marks a value that is the path of the file with the value.
const filePrefix = "file:"

// longestFile is far more than any secret needs; it keeps a wrong path from being read
// into memory.
const longestFile = 64 << 10

// FileError is a file of secrets that cannot be used. It holds nothing of the content.
type FileError struct {
	Path    string
	Problem string
	Fix     string // the command that fixes it; "" if Problem says what to do
	cause   error
}

// Error implements error, with the fix.
func (e *FileError) Error() string {
	text := Shown(e.Path) + ": " + e.Problem
	if e.Fix != "" {
		text += "; fix it with `" + e.Fix + "`"
	}
	return text
}

// Unwrap returns the cause, such as [fs.ErrNotExist].
func (e *FileError) Unwrap() error { return e.cause }

// Trim returns a value without the white space at its ends, which editors, shells and
// copying add. A byte order mark counts as white space.
func Trim(value string) string {
	return strings.TrimFunc(value, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' })
}

// FilePath returns the path in a value such as "file:/run/secrets/password".
func FilePath(value string) (path string, ok bool) {
	path, ok = strings.CutPrefix(Trim(value), filePrefix)
	return Trim(path), ok
}

// Secret returns the value of a secret without white space at its ends, from its file if
// the value is file:PATH, from Google's Secret Manager if it is gcpsecret:NAME. An unusable
// file is a *FileError, a secret that is not available one of [gcp.Read]'s errors.
func Secret(value string) (string, error) {
	if secret, ok, err := gcp.Read(context.Background(), Trim(value)); ok {
		return Trim(secret), err
	}
	path, ok := FilePath(value)
	switch {
	case !ok && strings.HasPrefix(strings.TrimLeft(Trim(value), `"'`), filePrefix): // as `docker run --env-file` passes it on
		return "", &FileError{Path: Trim(value), Problem: "in quotes; write file:PATH without them"}
	case !ok:
		return Trim(value), nil
	case path == "":
		return "", &FileError{Path: filePrefix, Problem: "names no file"}
	}
	content, err := ReadFile(path)
	if err != nil {
		return "", err
	}
	if content = Trim(content); content == "" {
		return "", &FileError{Path: path, Problem: "the file is empty"}
	}
	return content, nil
}

// ReadFile returns the content of a file of secrets, of at most 64 KiB. It follows links,
// since Kubernetes mounts secrets as links, and checks the file that it has opened: the
// owner must be root or the running user, neither group nor others may write it, and
// others may only read what belongs to root. An unusable file is a *FileError.
func ReadFile(path string) (string, error) {
	if !IsPath(path) {
		return "", &FileError{Path: NotShown, Problem: "not the path of a file, but a URL, a key or text"}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0) //nolint:gosec // the operator's own path
	if err != nil {
		return "", unreadable(path, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if err := checkOwner(f, path); err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(f, longestFile+1))
	if err != nil {
		return "", unreadable(path, err)
	}
	if len(content) > longestFile {
		return "", &FileError{Path: path, Problem: fmt.Sprintf("larger than %d bytes", longestFile)}
	}
	return string(content), nil
}

// unreadable is a file that is missing, or that the running user may not read.
func unreadable(path string, err error) *FileError {
	e := &FileError{Path: path, Problem: err.Error(), cause: err}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		e.Problem = pathErr.Err.Error()
	}
	if errors.Is(err, fs.ErrPermission) {
		e.Fix = ownFix(path)
	}
	return e
}
