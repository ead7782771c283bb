package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// instruction is a line of a Dockerfile: a word and what follows it.
type instruction struct{ word, rest string }

// stage returns the instructions of the stages of the Dockerfile.
func stages(t *testing.T) [][]instruction {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	joined := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(string(text), " ")
	var list [][]instruction
	for line := range strings.Lines(joined) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "" || strings.HasPrefix(word, "#"):
			continue
		case word == "FROM":
			list = append(list, nil)
		}
		list[len(list)-1] = append(list[len(list)-1], instruction{word, rest})
	}
	return list
}

// TestDockerfile: Docker builds an image with the same config, of files that this program
// writes.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	all := stages(t)
	if len(all) != 2 || all[1][0].rest != "scratch" {
		t.Fatalf("%d stages", len(all))
	}
	var writes bool
	for _, i := range all[0] {
		writes = writes || i.word == "RUN" && strings.HasPrefix(i.rest, "go -C tools/image run .") && strings.Contains(i.rest, "-root /out")
	}
	if !writes {
		t.Error("the files are not those of this program")
	}
	c := v1.Config{Volumes: map[string]struct{}{}, ExposedPorts: map[string]struct{}{}, Labels: map[string]string{}}
	var copied []string
	for _, i := range all[1][1:] {
		switch i.word {
		case "USER":
			c.User = i.rest
		case "WORKDIR":
			c.WorkingDir = i.rest
		case "VOLUME":
			c.Volumes[i.rest] = struct{}{}
		case "EXPOSE":
			c.ExposedPorts[i.rest+"/tcp"] = struct{}{}
		case "ENV":
			c.Env = append(c.Env, i.rest)
		case "ENTRYPOINT":
			c.Entrypoint = words(t, i.rest)
		case "CMD":
			c.Cmd = words(t, i.rest)
		case "LABEL":
			for _, m := range regexp.MustCompile(`(\S+)="([^"]*)"`).FindAllStringSubmatch(i.rest, -1) {
				c.Labels[m[1]] = m[2]
			}
		case "COPY":
			copied = append(copied, i.rest)
		case "ARG":
		default:
			t.Errorf("%s %s is not in the other image", i.word, i.rest)
		}
	}
	if diff := cmp.Diff(config("$VERSION"), c); diff != "" {
		t.Errorf("config (-make image +Dockerfile):\n%s", diff)
	}
	want := []string{"--from=build --chown=0:0 /out/mcpkeep /mcpkeep", "--from=build --chown=0:0 /out/etc /etc", "--from=build --chown=65532:65532 /out/data /data"}
	if diff := cmp.Diff(want, copied); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func words(t *testing.T, text string) []string {
	t.Helper()
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRoot: the files for the Dockerfile are those of the layer.
func TestRoot(t *testing.T) {
	t.Parallel()
	o := fake()
	o.root, o.arch = t.TempDir(), "arm64"
	if err := o.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []options{{root: o.root}, {out: o.root, arch: "riscv64"}, {}} {
		if err := bad.run(t.Context()); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	files := must(o.files(t.Context(), "arm64"))
	for _, f := range files {
		path := filepath.Join(o.root, f.name)
		info, err := os.Stat(path)
		if err != nil || int64(info.Mode().Perm()) != f.mode || info.IsDir() != f.folder() {
			t.Errorf("%s: %v, %v", f.name, info, err)
			continue
		}
		if !f.folder() && !bytes.Equal(must(os.ReadFile(path)), f.data) {
			t.Errorf("%s differs", f.name)
		}
	}
}
