package process_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newMark returns a variable by which a command and all that it starts are found.
func newMark(t *testing.T) string {
	t.Helper()
	return "PROCESS_TEST_MARK=" + rand.Text()
}

// marked returns the processes with a mark, but for dead ones.
func marked(t *testing.T, mark string) (list []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err == nil && bytes.Contains(append([]byte{0}, content...), []byte("\x00"+mark+"\x00")) {
			list = append(list, filepath.Base(filepath.Dir(path)))
		}
	}
	return list
}

// parentOf returns the parent of a process.
func parentOf(t *testing.T, pid string) string {
	t.Helper()
	content, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), "\nPPid:\t")
	parent, _, _ := strings.Cut(rest, "\n")
	return parent
}

// lives reports whether a process runs.
func lives(pid string) bool {
	content, err := os.ReadFile("/proc/" + pid + "/status")
	return err == nil && !strings.Contains(string(content), "\nState:\tZ")
}
