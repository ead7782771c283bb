//go:build image

package image_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestDockerfile: the last stage of the Dockerfile makes an image with the same files, owners and
// settings as ours. Another builder than Docker's runs it, without a base image of the network:
// the files are those of ours, which the first stage writes with the same program.
func TestDockerfile(t *testing.T) {
	b := newBuilder(t)
	ours, files := layer(t, image(t), runtime.GOARCH)
	folder := t.TempDir()
	writeFiles(t, files, filepath.Join(folder, "out"))
	dockerfile, err := os.ReadFile("../../Dockerfile")
	must(t, err)
	_, last, found := strings.Cut(string(dockerfile), "\nFROM scratch\n")
	if !found {
		t.Fatal("the Dockerfile has no last stage from scratch")
	}
	must(t, os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte("FROM scratch AS build\nCOPY out /out\nFROM scratch\n"+last), 0o600))
	b.run(t, "bud", "--isolation", "chroot", "--pull-never", "--build-arg", "VERSION="+version, "--tag", "localhost/mcpkeep:test", folder)
	layout := filepath.Join(t.TempDir(), "layout")
	b.run(t, "push", "localhost/mcpkeep:test", "oci:"+layout+":test")

	theirs, got := layers(t, layout)
	delete(theirs.Config.Labels, "io.buildah.version")
	theirs.Config.Env = slices.DeleteFunc(theirs.Config.Env, func(v string) bool { return strings.HasPrefix(v, "PATH=") })
	if diff := cmp.Diff(ours.Config, theirs.Config); diff != "" {
		t.Errorf("settings (-ours +the Dockerfile's):\n%s", diff)
	}
	want := map[string]file{}
	for _, f := range files {
		want[strings.Trim(f.header.Name, "/")] = fileOf(f)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-ours +the Dockerfile's):\n%s", diff)
	}
}

// builder is buildah with storage of the test's own.
type builder struct{ global []string }

func newBuilder(t *testing.T) builder {
	t.Helper()
	folder := t.TempDir()
	b := builder{[]string{"--root", filepath.Join(folder, "root"), "--runroot", filepath.Join(folder, "run"), "--storage-driver", "vfs"}}
	if _, err := exec.LookPath("buildah"); err != nil {
		harness.Missing(t, "buildah")
	}
	if out, err := b.command(t, "from", "scratch").CombinedOutput(); err != nil {
		t.Skipf("buildah does not work here: %v\n%s", err, out)
	}
	return b
}

func (b builder) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), "buildah", append(slices.Clone(b.global), args...)...)
}

func (b builder) run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := b.command(t, args...).CombinedOutput(); err != nil {
		t.Fatalf("buildah %s: %v\n%s", args[0], err, out)
	}
}

// writeFiles writes the files of a layer, which the test's user owns.
func writeFiles(t *testing.T, files []entry, folder string) {
	t.Helper()
	must(t, os.Mkdir(folder, 0o755))
	for _, f := range files {
		path, mode := filepath.Join(folder, f.header.Name), fs.FileMode(f.header.Mode)
		if strings.HasSuffix(f.header.Name, "/") {
			must(t, os.Mkdir(path, mode))
			continue
		}
		must(t, os.WriteFile(path, f.data, mode))
	}
}

// file is what counts of a file in an image.
type file struct {
	Mode     int64
	UID, GID int
	Digest   string
}

func fileOf(e entry) file {
	return file{e.header.Mode & 0o7777, e.header.Uid, e.header.Gid, digest(e.data)}
}

// layers returns the config of the one image of a layout, and its files.
func layers(t *testing.T, layout string) (config, map[string]file) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(layout, "index.json"))
	must(t, err)
	m := decode[manifest](t, blob(t, layout, decode[manifest](t, b).Manifests[0]))
	files := map[string]file{}
	for _, d := range m.Layers {
		compressed, err := gzip.NewReader(bytes.NewReader(blob(t, layout, d)))
		must(t, err)
		plain, err := io.ReadAll(compressed)
		must(t, err)
		for _, e := range entries(t, plain) {
			if name := strings.Trim(e.header.Name, "/."); name != "" {
				files[name] = fileOf(e)
			}
		}
	}
	return decode[config](t, blob(t, layout, m.Config)), files
}
