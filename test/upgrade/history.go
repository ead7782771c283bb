package upgrade

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Repository is a clone of the project.
type Repository struct{ Dir string }

// Commit returns the hash of a revision. The error says how to get the history if the
// clone lacks it.
func (r Repository) Commit(ctx context.Context, revision string) (string, error) {
	hash, err := r.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err == nil {
		return strings.TrimSpace(hash), nil
	}
	shallow, err := r.git(ctx, "rev-parse", "--is-shallow-repository")
	switch {
	case err != nil:
		return "", fmt.Errorf("%s is not a git clone, so release %s cannot be built: %w", r.Dir, revision, err)
	case strings.TrimSpace(shallow) == "true":
		return "", fmt.Errorf("this clone is shallow and has no release %s: run git fetch --unshallow --tags", revision)
	}
	return "", fmt.Errorf("this clone has no release %s: run git fetch --tags", revision)
}

// Checkout writes the files of a commit into an empty folder. It leaves no trace in the
// clone, as a worktree would when a test is killed.
func (r Repository) Checkout(ctx context.Context, commit, folder string) error {
	archive := filepath.Join(folder, "release.tar")
	if _, err := r.git(ctx, "archive", "--output", archive, commit); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xf", archive, "-C", folder).CombinedOutput(); err != nil {
		return fmt.Errorf("tar: %w\n%s", err, out)
	}
	return nil
}

// Migrations returns the migrations of a commit by their file names.
func (r Repository) Migrations(ctx context.Context, commit string) (map[string]string, error) {
	const folder = "sql/schema/"
	names, err := r.git(ctx, "ls-tree", "--name-only", commit, folder)
	if err != nil {
		return nil, err
	}
	migrations := make(map[string]string)
	for _, path := range strings.Fields(names) {
		if !strings.HasSuffix(path, ".sql") {
			continue
		}
		if migrations[strings.TrimPrefix(path, folder)], err = r.git(ctx, "show", commit+":"+path); err != nil {
			return nil, err
		}
	}
	return migrations, nil
}

// git runs a command and returns what it prints.
func (r Repository) git(ctx context.Context, args ...string) (string, error) {
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", r.Dir}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
