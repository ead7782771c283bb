package repository_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/repository"
)

// TestDockerIgnore: the image's build gets every folder that the program needs.
func TestDockerIgnore(t *testing.T) {
	t.Parallel()
	root := harness.Root(t)
	kept := strings.Fields(text(t, root, ".dockerignore"))
	packages := output(t, root, "go", "list", "-deps", "./cmd/mcpkeep")
	needed := 0
	for _, path := range packages {
		if path != repository.Module && !strings.HasPrefix(path, repository.Module+"/") {
			continue
		}
		needed++
		folder, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, repository.Module), "/"), "/")
		if folder == "" {
			folder = "*.go"
		}
		if !slices.Contains(kept, "!"+folder) {
			t.Errorf(".dockerignore leaves out %s, which %s is in", folder, path)
		}
	}
	if needed < 20 {
		t.Errorf("%d packages", needed)
	}
}
