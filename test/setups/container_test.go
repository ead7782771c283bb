package setups_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// imageUser is the user of the image.
const imageUser = 65532

// TestContainerUser runs as the image does, with keys as orchestrators mount them: a
// file of root that all may read, and one of the user that no one else may read.
func TestContainerUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run a program as another user")
	}
	for name, mount := range map[string]struct {
		owner int
		mode  os.FileMode
	}{"root 0444": {0, 0o444}, "user 0400": {imageUser, 0o400}} {
		t.Run(name, func(t *testing.T) {
			folder, err := os.MkdirTemp("", "mcpkeep-container-") //nolint:usetesting // its parent is closed to other users
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(folder) })
			data := filepath.Join(folder, "data")
			key, err := exec.CommandContext(t.Context(), harness.Build(t), "keys", "generate").Output()
			if err != nil {
				t.Fatal(err)
			}
			secret := filepath.Join(folder, "keys")
			write(t, secret, string(key))
			for _, err := range []error{
				os.Chmod(folder, 0o755), os.Mkdir(data, 0o700), os.Chown(data, imageUser, imageUser),
				os.Chown(secret, mount.owner, mount.owner), os.Chmod(secret, mount.mode),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			p := harness.Start(t, harness.Options{
				Database: "sqlite:" + filepath.Join(data, "mcpkeep.db"),
				Env:      []string{"MCPKEEP_ENCRYPTION_KEYS=file:" + secret},
				User:     &syscall.Credential{Uid: imageUser, Gid: imageUser},
			})
			c := harness.NewClient(p.URL, nil)
			if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Call(t.Context(), "whoami"); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(data, "mcpkeep.db"))
			if err != nil || info.Sys().(*syscall.Stat_t).Uid != imageUser {
				t.Errorf("the database is not of user %s: %v", strconv.Itoa(imageUser), err)
			}
		})
	}
}

// readOnly runs a program with a root file system that takes no writes but in one folder.
const readOnly = `#!/bin/sh
exec unshare --mount sh -ec 'mount --make-rprivate / && mount --bind "$DATA" "$DATA" && mount -o remount,bind,ro /
if touch "$CLOSED/x" 2>/dev/null; then echo "the root is writable" >&2; exit 9; fi
exec "$0" "$@"' "$PROGRAM" "$@"
`

// TestReadOnlyRoot runs as a container with a read-only root does, with a volume for the
// data: nothing else is written.
func TestReadOnlyRoot(t *testing.T) {
	if err := exec.CommandContext(t.Context(), "unshare", "--mount", "true").Run(); err != nil {
		t.Skipf("no mount namespace of our own: %v", err)
	}
	folder := t.TempDir()
	data, wrapper := filepath.Join(folder, "data"), filepath.Join(folder, "run")
	write(t, wrapper, readOnly)
	for _, err := range []error{os.Mkdir(data, 0o700), os.Chmod(wrapper, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := harness.Start(t, harness.Options{
		Database: "sqlite:" + filepath.Join(data, "mcpkeep.db"), Binary: wrapper,
		Env: []string{"DATA=" + data, "CLOSED=" + folder, "PROGRAM=" + harness.Build(t)},
	})
	c := harness.NewClient(p.URL, nil)
	if err := c.SignIn(t.Context(), harness.NewBrowser(nil)); err != nil {
		t.Fatal(err)
	}
	p.Kill9()
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), "whoami"); err != nil {
		t.Fatal(err)
	}
}
