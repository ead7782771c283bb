package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// architectures are those of the image, in the order of its index.
var architectures = []string{"amd64", "arm64"}

// built is an image for each architecture, and the index that names them.
type built struct {
	images map[string]v1.Image
	index  v1.ImageIndex
}

// labels describe the image (https://github.com/opencontainers/image-spec/blob/main/annotations.md).
func labels(version string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "mcpkeep",
		"org.opencontainers.image.description": "Keeps MCP clients signed in: OAuth 2.1 authorization server and MCP server in one",
		"org.opencontainers.image.source":      "https://github.com/mcpkeep/mcpkeep",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     version,
	}
}

// config is how the program is run. The Dockerfile says the same.
func config(version string) v1.Config {
	return v1.Config{
		User: fmt.Sprintf("%d:%d", user, user), WorkingDir: "/data", Volumes: map[string]struct{}{"/data": {}},
		Entrypoint: []string{"/mcpkeep"}, Cmd: []string{"serve"},
		// Listen on all addresses; Cloud Run sets a PORT of its own.
		Env: []string{"PORT=8080"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Labels: labels(version),
	}
}

// build builds the image.
func (o options) build(ctx context.Context) (built, error) {
	b := built{images: map[string]v1.Image{}, index: mutate.IndexMediaType(empty.Index, types.OCIImageIndex)}
	for _, arch := range architectures {
		if o.arch != "" && o.arch != arch {
			continue
		}
		image, err := o.image(ctx, arch)
		if err != nil {
			return b, err
		}
		b.images[arch] = image
		b.index = mutate.AppendManifests(b.index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	var ok bool
	if b.index, ok = mutate.Annotations(b.index, labels(o.version)).(v1.ImageIndex); !ok {
		return b, errors.New("the index cannot be annotated")
	}
	return b, nil
}

// image is that of an architecture.
func (o options) image(ctx context.Context, arch string) (v1.Image, error) {
	files, err := o.files(ctx, arch)
	if err != nil {
		return nil, err
	}
	data, err := archive(files)
	if err != nil {
		return nil, err
	}
	return imageOf(data, arch, o.version)
}

// imageOf is an image with one layer.
func imageOf(data []byte, arch, version string) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(opener(data), tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: arch, Created: v1.Time{Time: time.Unix(0, 0).UTC()}, Config: config(version),
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
	})
	if err != nil {
		return nil, err
	}
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{
		Created: v1.Time{Time: time.Unix(0, 0).UTC()}, CreatedBy: "tools/image",
	}})
	if err != nil {
		return nil, err
	}
	annotated, ok := mutate.Annotations(image, labels(version)).(v1.Image)
	if !ok {
		return nil, errors.New("the image cannot be annotated")
	}
	return annotated, nil
}
