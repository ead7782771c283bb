//go:build image

package image_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const version = "v0.0.0-test"

// write builds the image of a source tree with a program that is built of the same tree.
func write(t *testing.T, source, folder string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "-C", filepath.Join(source, "tools", "image"), "run", ".",
		"-source", filepath.Join("..", ".."), "-version", version, "-out", folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

var built sync.Once

// image is the layout with the image of this tree, which all tests share.
func image(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(harness.Root(t), "out", "test-image")
	built.Do(func() {
		must(t, os.RemoveAll(folder))
		write(t, harness.Root(t), folder)
	})
	return filepath.Join(folder, "image")
}
