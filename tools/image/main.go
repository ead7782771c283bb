// Command image builds mcpkeep's container image without Docker: one layer with the program,
// certificates and a user, for amd64 and arm64. The same source gives the same bytes.
//
//	go -C tools/image run . -out ../../out          # an OCI layout, and archives for docker load
//	go -C tools/image run . -push REGISTRY/IMAGE:TAG
//	go -C tools/image run . -root /out -arch amd64  # only the files, for the Dockerfile
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// options are the flags.
type options struct {
	source, version string
	tags            string // of the build; the image is named for them
	root, arch      string
	out, push       string
	// compile returns the program for an architecture, in place of the source's; nil but in tests.
	compile func(ctx context.Context, arch string) ([]byte, error)
}

func main() {
	var o options
	flag.StringVar(&o.source, "source", filepath.Join("..", ".."), "folder of mcpkeep's source")
	flag.StringVar(&o.version, "version", "devel", "version of the program, in its labels too")
	flag.StringVar(&o.tags, "tags", "", "otel for an image named mcpkeep-otel, whose program exports spans by OpenTelemetry")
	flag.StringVar(&o.root, "root", "", "write only the files of the image for -arch below this folder")
	flag.StringVar(&o.arch, "arch", "", "only this architecture, amd64 or arm64; needed for -root")
	flag.StringVar(&o.out, "out", "", "write the OCI layout image/ and mcpkeep-ARCH.tar, an archive for docker load, into this folder")
	flag.StringVar(&o.push, "push", "", "push to this name with a tag, as whom docker or gcloud is logged in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := o.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// run does what the flags say.
func (o options) run(ctx context.Context) error {
	if o.arch != "" && !slices.Contains(architectures, o.arch) || o.arch == "" && o.root != "" {
		return fmt.Errorf("-arch is one of %s", strings.Join(architectures, ", "))
	}
	if o.tags != "" && o.tags != "otel" {
		return errors.New("-tags is otel or nothing")
	}
	if o.root != "" {
		files, err := o.files(ctx, o.arch)
		if err != nil {
			return err
		}
		return unpack(files, o.root)
	}
	if o.out == "" && o.push == "" {
		return errors.New("one of -out, -push and -root is needed")
	}
	built, err := o.build(ctx)
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := built.save(o.out, o.name()+":"+tag(o.version)); err != nil {
			return err
		}
	}
	if o.push != "" {
		return built.pushTo(ctx, o.push)
	}
	return nil
}

// name is the image's.
func (o options) name() string {
	if o.tags == "" {
		return "mcpkeep"
	}
	return "mcpkeep-" + o.tags
}

// tag is a version as the tag of an image.
func tag(version string) string { return strings.ReplaceAll(version, "+", "_") }
