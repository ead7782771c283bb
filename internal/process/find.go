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
)

// find returns the path of a command's program.
func find(cmd Command) (string, error) {
	if cmd.Dir != "" {
		if info, err := os.Stat(cmd.Dir); err != nil || !info.IsDir() {
			return "", fmt.Errorf("the working directory %s is missing or no directory", cmd.Dir)
		}
	}
	if strings.Contains(cmd.Path, "/") {
		path := cmd.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(cmd.Dir, path)
		}
		return absolute(path), usable(cmd.Path, path)
	}
	for _, dir := range filepath.SplitList(variable(cmd.Env, "PATH")) {
		if path := filepath.Join(dir, cmd.Path); filepath.IsAbs(dir) && usable(path, path) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("the command %s is not found in PATH; install it, or give its path", cmd.Path)
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// usable reports why a file cannot be run.
func usable(shown, path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("the command %s is not found", shown)
	case err != nil:
		return fmt.Errorf("the command %s cannot be read: %w", shown, errors.Unwrap(err))
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fmt.Errorf("the command %s is not executable", shown)
	}
	return nil
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
		return fmt.Errorf("the supervisor of %s has ended", cmd.Path)
	}
	cause := syscall.Errno(code)
	switch {
	case stage == stageExec && cause == syscall.ENOENT:
		return fmt.Errorf("the command %s names an interpreter that is missing", cmd.Path)
	case stage == stageExec && cause == syscall.ENOEXEC:
		return fmt.Errorf("the command %s is neither a program for this machine nor a script with #! in its first line", cmd.Path)
	case stage == stageExec && cause == syscall.E2BIG:
		return fmt.Errorf("the arguments and the environment of %s are too long", cmd.Path)
	case stage == stageExec:
		return fmt.Errorf("the command %s cannot be run: %w", cmd.Path, cause)
	case stage == stageDir:
		return fmt.Errorf("the working directory %s cannot be entered: %w", cmd.Dir, cause)
	case stage == stageGroups || stage == stageUser:
		return fmt.Errorf("mcpkeep cannot run %s as another user: %w", cmd.Path, cause)
	}
	return fmt.Errorf("start %s (%s): %w", cmd.Path, stage, cause)
}
