package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// program builds mcpkeep for an architecture. Nothing of the machine, the folder or the
// user's settings gets into it.
func (o options) program(ctx context.Context, arch string) ([]byte, error) {
	folder, err := os.MkdirTemp("", "mcpkeep-image")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, "mcpkeep")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", //nolint:gosec // G204: our own options
		"-ldflags", "-s -w -buildid= -X main.version="+o.version, "-tags", o.tags, "-o", path, "./cmd/mcpkeep")
	build.Dir = o.source
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build for %s: %w", arch, err)
	}
	return os.ReadFile(path) //nolint:gosec // G304: what was just built
}
