package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// aheadVariable is how far the clock of a process of [BuildShifted] is ahead, in seconds.
const aheadVariable = "SHIFTED_CLOCK_SECONDS"

// versionVariable is which version a process of [BuildShifted] says that it is.
const versionVariable = "SHIFTED_VERSION"

// AsVersion is the environment of a process of [BuildShifted] that is another version.
func AsVersion(version string) string { return versionVariable + "=" + version }

// Ahead is the environment of a process of [BuildShifted] whose clock is ahead, or behind
// if negative.
func Ahead(d time.Duration) string {
	return aheadVariable + "=" + strconv.FormatInt(int64(d/time.Second), 10)
}

var shifted struct {
	once sync.Once
	path string
	err  error
}

// BuildShifted returns the path of a binary that is made of the same source, with a
// standard library whose clock can be ahead: see [Ahead]; its version comes from the environment
// where the linker would set it. The clock of the system cannot be
// moved for one process alone, and what LD_PRELOAD replaces a Go program does not call.
func BuildShifted(t testing.TB) string {
	t.Helper()
	dir := filepath.Dir(Build(t))
	shifted.once.Do(func() { shifted.path, shifted.err = buildShifted(dir) })
	if shifted.err != nil {
		t.Fatal(shifted.err)
	}
	return shifted.path
}

func buildShifted(dir string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	overlay, err := shiftedClock(root, dir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "mcpkeep-shifted")
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", path, "./cmd/mcpkeep") //nolint:noctx // shared by tests with contexts of their own
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build -overlay: %w\n%s", err, out)
	}
	return path, nil
}

const (
	readsClock  = "sec, nsec, mono := runtimeNow()\n"
	shiftsClock = readsClock + "\tsec += clockAhead\n"
	clockAhead  = `
// clockAhead is how far the clock of a test's process is ahead.
var clockAhead = func() (ahead int64) {
	text, _ := syscall.Getenv("` + aheadVariable + `")
	negative := text != "" && text[0] == '-'
	for i := range text {
		if c := text[i]; c >= '0' && c <= '9' {
			ahead = 10*ahead + int64(c-'0')
		}
	}
	if negative {
		return -ahead
	}
	return ahead
}()
`
)

// ownVersion is a file of the program's main package.
const ownVersion = `package main

import "os"

func init() { version = os.Getenv("` + versionVariable + `") }
`

// shiftedClock writes package time's file with Now, changed, and the overlay that names it.
func shiftedClock(root, dir string) (overlay string, err error) {
	out, err := exec.Command("go", "env", "GOROOT").Output() //nolint:noctx // answers immediately
	if err != nil {
		return "", err
	}
	original := filepath.Join(strings.TrimSpace(string(out)), "src", "time", "time.go")
	source, err := os.ReadFile(original) // the toolchain's
	if err != nil {
		return "", err
	}
	imports, inNow := []byte("import (\n"), bytes.Count(source, []byte(readsClock))
	if inNow == 0 || !bytes.Contains(source, imports) {
		return "", fmt.Errorf("%s is not as expected: time.Now must be found to shift it", original)
	}
	source = bytes.ReplaceAll(source, []byte(readsClock), []byte(shiftsClock))
	source = append(bytes.Replace(source, imports, []byte("import (\n\t\"syscall\"\n"), 1), clockAhead...)
	changed, added := filepath.Join(dir, "time.go"), filepath.Join(dir, "version.go")
	err = errors.Join(os.WriteFile(changed, source, 0o600), os.WriteFile(added, []byte(ownVersion), 0o600))
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{
		original: changed, filepath.Join(root, "cmd", "mcpkeep", "zz_shifted.go"): added,
	}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}
