package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/google"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// save writes the index as an OCI layout, and an archive for docker load for each
// architecture. What an earlier build left is replaced.
func (b built) save(folder, tagged string) error {
	path := filepath.Join(folder, "image")
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // G301: nothing of it is secret
		return err
	}
	if _, err := layout.Write(path, b.index); err != nil {
		return err
	}
	reference, err := name.NewTag(tagged)
	if err != nil {
		return err
	}
	for arch, image := range b.images {
		if err := tarball.WriteToFile(filepath.Join(folder, "mcpkeep-"+arch+".tar"), reference, image); err != nil {
			return err
		}
	}
	return nil
}

// pushTo pushes the index with both images and prints the name by its digest: what is
// deployed by it cannot be replaced.
func (b built) pushTo(ctx context.Context, target string) error {
	reference, err := name.NewTag(target, name.StrictValidation)
	if err != nil {
		return err
	}
	whom := authn.NewMultiKeychain(authn.DefaultKeychain, google.Keychain)
	if err := remote.WriteIndex(reference, b.index, remote.WithContext(ctx), remote.WithAuthFromKeychain(whom)); err != nil {
		return err
	}
	digest, err := b.index.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Println(reference.Context().Digest(digest.String()))
	return err
}
