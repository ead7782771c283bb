//go:build linux || darwin

package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// Check says why a command cannot be started, as far as that can be known without starting it.
func Check(cmd Command) error {
	_, err := find(cmd)
	return err
}

// find returns the path of a command's program.
func find(cmd Command) (string, error) {
	if cmd.Dir != "" {
		if info, err := os.Stat(cmd.Dir); err != nil || !info.IsDir() {
			return "", fmt.Errorf("%s is missing or no directory", cmd.folder())
		}
	}
	if strings.Contains(cmd.Path, "/") {
		path := cmd.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(cmd.Dir, path)
		}
		if problem := unusable(path); problem != "" {
			return "", fmt.Errorf("%s %s", cmd.program(), problem)
		}
		return absolute(path), nil
	}
	for _, dir := range filepath.SplitList(variable(cmd.Env, "PATH")) {
		if path := filepath.Join(dir, cmd.Path); filepath.IsAbs(dir) && unusable(path) == "" {
			return path, nil
		}
	}
	if strings.ContainsFunc(cmd.Path, unicode.IsSpace) {
		return "", errors.New("the command contains spaces; its arguments belong in args")
	}
	return "", fmt.Errorf("%s is not found in PATH; install it, or give its path", cmd.program())
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// unusable says why a file cannot be run; "" if it can.
func unusable(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "is not found"
	case err != nil:
		return "cannot be read: " + errors.Unwrap(err).Error()
	case info.IsDir() || info.Mode()&0o111 == 0:
		return "is not executable"
	}
	return ""
}

// variable returns the last value of a variable: the one that a program sees.
func variable(env []string, name string) (value string) {
	for _, entry := range env {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

// failed is the error of a start, in words.
func failed(cmd Command, kind, text string) error {
	stage, number, _ := strings.Cut(text, " ")
	code, err := strconv.Atoi(number)
	if kind != reportFailed || err != nil {
		return fmt.Errorf("the supervisor of %s has ended", cmd.program())
	}
	cause := syscall.Errno(code)
	switch {
	case stage == stageExec && cause == syscall.ENOENT:
		return fmt.Errorf("%s names an interpreter that is missing", cmd.program())
	case stage == stageExec && cause == syscall.ENOEXEC:
		return fmt.Errorf("%s is neither a program for this machine nor a script with #! in its first line", cmd.program())
	case stage == stageExec && cause == syscall.E2BIG:
		return fmt.Errorf("%s has too long arguments or variables", cmd.program())
	case stage == stageExec:
		return fmt.Errorf("%s cannot be run: %w", cmd.program(), cause)
	case stage == stageDir:
		return fmt.Errorf("%s cannot be entered: %w", cmd.folder(), cause)
	case stage == stageGroups || stage == stageUser:
		return fmt.Errorf("mcpkeep cannot run %s as another user: %w", cmd.program(), cause)
	}
	return fmt.Errorf("%s cannot be started (%s): %w", cmd.program(), stage, cause)
}
