package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/x509"
	"debug/elf"
	"errors"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// small is the source of a program that is quick to build.
func small(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for path, text := range map[string]string{
		"go.mod":              "module small\n\ngo 1.26\n",
		"cmd/mcpkeep/main.go": "package main\n\nvar version string\n\nfunc main() { println(version) }\n",
	} {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// fake are options for an image with a program that needs no compiler.
func fake() options {
	return options{version: "v1.2.3", compile: func(_ context.Context, arch string) ([]byte, error) { return []byte("the program for " + arch), nil }}
}

// saved builds the image and reads it back from the layout.
func saved(t *testing.T, o options) (folder string, index v1.ImageIndex) {
	t.Helper()
	folder = t.TempDir()
	o.out = folder
	if err := o.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(filepath.Join(folder, "image"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	return folder, index
}

// imagesOf returns the images of an index by their architecture.
func imagesOf(t *testing.T, index v1.ImageIndex) map[string]v1.Image {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]v1.Image{}
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		if err != nil || m.Platform.OS != "linux" {
			t.Fatal(m.Platform, err)
		}
		images[m.Platform.Architecture] = image
	}
	return images
}

// TestConfig: what runs, as whom, and what describes it.
func TestConfig(t *testing.T) {
	t.Parallel()
	folder, index := saved(t, fake())
	images := imagesOf(t, index)
	if got := slices.Sorted(maps.Keys(images)); !slices.Equal(got, []string{"amd64", "arm64"}) {
		t.Errorf("architectures %q", got)
	}
	for arch, image := range images {
		f, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if f.OS != "linux" || f.Architecture != arch {
			t.Errorf("the config of %s is for %s/%s", arch, f.OS, f.Architecture)
		}
		want := v1.Config{
			User: "65532:65532", WorkingDir: "/data", Volumes: map[string]struct{}{"/data": {}},
			Entrypoint: []string{"/mcpkeep"}, Cmd: []string{"serve"}, Env: []string{"PORT=8080"},
			ExposedPorts: map[string]struct{}{"8080/tcp": {}}, Labels: labels("v1.2.3"),
		}
		if diff := cmp.Diff(want, f.Config); diff != "" {
			t.Errorf("%s (-want +got):\n%s", arch, diff)
		}
		manifest, err := image.Manifest()
		if err != nil || manifest.Annotations["org.opencontainers.image.version"] != "v1.2.3" {
			t.Errorf("%s: annotations %v, %v", arch, manifest.Annotations, err)
		}
		archived, err := tarball.ImageFromPath(filepath.Join(folder, "mcpkeep-"+arch+".tar"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := archived.ConfigName(); got != must(image.ConfigName()) {
			t.Errorf("the archive for %s has another config", arch)
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// TestLayer: one layer with these files and nothing else.
func TestLayer(t *testing.T) {
	t.Parallel()
	_, index := saved(t, fake())
	for arch, image := range imagesOf(t, index) {
		layers, err := image.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatal(arch, len(layers), err)
		}
		files := contents(t, layers[0])
		var got []string
		for _, f := range files {
			got = append(got, f.name)
			if owner := map[bool]int{true: 65532}[f.name == "data/"]; f.owner != owner || f.mode&0o022 != 0 {
				t.Errorf("%s: %s belongs to %d, mode %o", arch, f.name, f.owner, f.mode)
			}
		}
		want := []string{
			"data/", "etc/", "etc/group", "etc/passwd", "etc/ssl/", "etc/ssl/certs/", "etc/ssl/certs/ca-certificates.crt", "mcpkeep",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", arch, diff)
		}
		if program := files[len(files)-1]; string(program.data) != "the program for "+arch || program.mode != 0o755 {
			t.Errorf("%s has %q", arch, program.data)
		}
	}
}

// contents reads a layer.
func contents(t *testing.T, layer v1.Layer) []file {
	t.Helper()
	r, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var files []file
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err != nil || header.ModTime.Unix() != 0 || header.Uid != header.Gid || header.Uname != "" {
			t.Error(header, err)
		}
		files = append(files, file{header.Name, header.Mode, header.Uid, data})
	}
}

// TestAuthorities: the certificates are those that public sites need.
func TestAuthorities(t *testing.T) {
	t.Parallel()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authorities()) {
		t.Error("no certificates")
	}
	if n := strings.Count(string(authorities()), "BEGIN CERTIFICATE"); n < 80 {
		t.Errorf("%d certificates", n)
	}
}

// TestSameBytes: two builds of the same source in two folders are the same, and static.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles a program")
	}
	programs := map[string][]byte{}
	for _, arch := range architectures {
		first := must(options{source: small(t), version: "v1.2.3"}.program(t.Context(), arch))
		second := must(options{source: small(t), version: "v1.2.3"}.program(t.Context(), arch))
		if !bytes.Equal(first, second) {
			t.Errorf("two builds for %s differ", arch)
		}
		programs[arch] = first
		built, err := elf.NewFile(bytes.NewReader(first))
		if err != nil || built.Machine != map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch] {
			t.Errorf("the program for %s: %v, %v", arch, built, err)
		}
		if slices.ContainsFunc(built.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
			t.Errorf("the program for %s is not static", arch)
		}
	}
	o := fake()
	o.compile = func(_ context.Context, arch string) ([]byte, error) { return programs[arch], nil }
	_, first := saved(t, o)
	_, second := saved(t, o)
	if must(first.Digest()) != must(second.Digest()) {
		t.Error("two images differ")
	}
	o.version = "v1.2.4"
	if other := must(o.build(t.Context())); must(other.index.Digest()) == must(first.Digest()) {
		t.Error("another version has the same digest")
	}
}

// TestPush: the registry has both architectures under the tag.
func TestPush(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	target := strings.TrimPrefix(server.URL, "http://") + "/acme/mcpkeep:v1"
	o := fake()
	o.push = target
	if err := o.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	reference, err := name.ParseReference(target)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(reference)
	if err != nil {
		t.Fatal(err)
	}
	if images := imagesOf(t, index); len(images) != 2 {
		t.Errorf("%d images", len(images))
	}
	o.push = "127.0.0.1:1/no-tag"
	if err := o.run(t.Context()); err == nil {
		t.Error("a name without a tag is taken")
	}
}
