//go:build image

package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// descriptor, manifest and config are those of the OCI image specification.
type descriptor struct {
	MediaType string
	Digest    string
	Size      int64
	Platform  struct{ OS, Architecture string }
}

type manifest struct {
	SchemaVersion int
	MediaType     string
	Config        descriptor
	Layers        []descriptor
	Manifests     []descriptor
	Annotations   map[string]string
}

type config struct {
	Architecture, OS string
	Config           struct {
		User         string
		WorkingDir   string
		Entrypoint   []string
		Cmd          []string
		Env          []string
		Labels       map[string]string
		Volumes      map[string]struct{}
		ExposedPorts map[string]struct{}
	}
	RootFS struct {
		Type    string
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// blob reads what a descriptor names, and holds it against size and digest.
func blob(t *testing.T, layout string, d descriptor) []byte {
	t.Helper()
	_, sum, _ := strings.Cut(d.Digest, ":")
	b, err := os.ReadFile(filepath.Join(layout, "blobs", "sha256", sum))
	must(t, err)
	if digest(b) != d.Digest || int64(len(b)) != d.Size {
		t.Errorf("%s has %d bytes with the digest %s", d.Digest, len(b), digest(b))
	}
	return b
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func decode[T any](t *testing.T, b []byte) (v T) {
	t.Helper()
	must(t, json.Unmarshal(b, &v))
	return v
}

// index reads the index of a layout.
func index(t *testing.T, layout string) manifest {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(layout, "index.json"))
	must(t, err)
	m := decode[manifest](t, b)
	if m.SchemaVersion != 2 || m.MediaType != "application/vnd.oci.image.index.v1+json" {
		t.Errorf("the index is version %d of %s", m.SchemaVersion, m.MediaType)
	}
	return m
}

// entry is a file of the layer.
type entry struct {
	header tar.Header
	data   []byte
}

// layer returns the config of an architecture and the files of its one layer.
func layer(t *testing.T, layout, arch string) (config, []entry) {
	t.Helper()
	all := index(t, layout).Manifests
	i := slices.IndexFunc(all, func(d descriptor) bool { return d.Platform.Architecture == arch })
	if i < 0 {
		t.Fatalf("the index does not have %s", arch)
	}
	m := decode[manifest](t, blob(t, layout, all[i]))
	if len(m.Layers) != 1 || m.Annotations["org.opencontainers.image.version"] != version {
		t.Fatalf("%d layers, annotations %v", len(m.Layers), m.Annotations)
	}
	c := decode[config](t, blob(t, layout, m.Config))
	compressed, err := gzip.NewReader(bytes.NewReader(blob(t, layout, m.Layers[0])))
	must(t, err)
	plain, err := io.ReadAll(compressed)
	must(t, err)
	if !slices.Equal(c.RootFS.DiffIDs, []string{digest(plain)}) || c.OS != "linux" || c.Architecture != arch {
		t.Errorf("the config is %+v, and the layer %s", c, digest(plain))
	}
	return c, entries(t, plain)
}

func entries(t *testing.T, plain []byte) (list []entry) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(plain)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		must(t, err)
		data, err := io.ReadAll(r)
		must(t, err)
		list = append(list, entry{*header, data})
	}
}

// TestLayout: the index names both architectures, and each has the program for it, the user and
// the certificates, and nothing else.
func TestLayout(t *testing.T) {
	layout := image(t)
	if n := len(index(t, layout).Manifests); n != 2 {
		t.Errorf("%d images in the index", n)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		c, files := layer(t, layout, arch)
		if c.Config.User != "65532:65532" || !slices.Equal(c.Config.Entrypoint, []string{"/mcpkeep"}) || !slices.Equal(c.Config.Cmd, []string{"serve"}) {
			t.Errorf("%s: %+v", arch, c.Config)
		}
		if c.Config.Labels["org.opencontainers.image.version"] != version || len(c.Config.Labels) != 5 {
			t.Errorf("%s: labels %v", arch, c.Config.Labels)
		}
		var names []string
		for _, f := range files {
			names = append(names, f.header.Name)
		}
		want := []string{"data/", "etc/", "etc/group", "etc/passwd", "etc/ssl/", "etc/ssl/certs/", "etc/ssl/certs/ca-certificates.crt", "mcpkeep"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", arch, diff)
		}
		program, err := elf.NewFile(bytes.NewReader(files[len(files)-1].data))
		must(t, err)
		if program.Machine != machine || slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
			t.Errorf("%s: the program is for %v, or is not static", arch, program.Machine)
		}
	}
}

// TestSameBytes: another folder with the same source gives the same image.
func TestSameBytes(t *testing.T) {
	first := image(t)
	copied := filepath.Join(t.TempDir(), "elsewhere", "source")
	files := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	files.Dir = harness.Root(t)
	list, err := files.Output()
	must(t, err)
	for name := range strings.SplitSeq(strings.Trim(string(list), "\x00"), "\x00") {
		b, err := os.ReadFile(filepath.Join(files.Dir, name))
		if err != nil { // a link, or a file that is not committed yet
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(copied, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(copied, name), b, 0o644))
	}
	write(t, copied, filepath.Join(copied, "out"))
	second := filepath.Join(copied, "out", "image")
	for _, file := range []string{"index.json", "oci-layout"} {
		a, err := os.ReadFile(filepath.Join(first, file))
		must(t, err)
		b, err := os.ReadFile(filepath.Join(second, file))
		must(t, err)
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs:\n%s\n%s", file, a, b)
		}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		layer(t, second, arch) // which has the digests that the index names
	}
}
