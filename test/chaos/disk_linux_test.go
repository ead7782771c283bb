//go:build chaos

package chaos_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	diskSize       = "size=4m"
	tooMany        = 20_000 // registrations do not fit on the disk
	nobody         = 65534
	lastSpareBytes = 1 << 20
)

// TestFullDisk fills the file system under a SQLite database.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	p := harness.Start(t, harness.Options{Database: "sqlite:" + filepath.Join(dir, "mcpkeep.db")})
	c := signedIn(t, p)
	fill(t, filepath.Join(dir, "ballast"))
	var acknowledged []string
	var refusal error
	for range tooMany {
		another := harness.NewClient(p.URL, nil)
		another.HTTP = c.HTTP
		if refusal = another.Register(t.Context()); refusal != nil {
			break
		}
		acknowledged = append(acknowledged, another.ID)
	}
	t.Logf("%d registrations went onto the full disk", len(acknowledged))
	assertUnavailable(t, "register on a full disk", refusal)
	if _, err := c.Call(t.Context(), "whoami"); err != nil {
		t.Errorf("a call on a full disk, which writes nothing: %v", err)
	}
	assertLogged(t, p, "full")
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Errorf("refresh with room again: %v", err)
	}
	for _, id := range acknowledged {
		another := harness.NewClient(p.URL, nil)
		another.ID = id
		if a := get(t.Context(), t, another.AuthorizeURL()); a.status != http.StatusOK {
			t.Errorf("the registration %s, acknowledged before the disk was full: status %d", id, a.status)
		}
	}
	assertNo500(t, p)
}

// smallDisk mounts a file system in memory.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("mcpkeep-test", dir, "tmpfs", 0, diskSize)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("mounting a small disk needs root with CAP_SYS_ADMIN")
	}
	if err != nil {
		t.Fatal(err)
	}
	// Runs after the process has ended: cleanups go backwards.
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until nothing fits any more.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for block := lastSpareBytes; block > 0; block /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, block))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// TestReadOnlyFile starts on a database that may only be read, as someone whom
// file modes bind.
func TestReadOnlyFile(t *testing.T) {
	t.Parallel()
	dir, path, opts := plainDatabase(t)
	p := harness.Start(t, opts)
	c := signedIn(t, p)
	p.Term()
	chmod(t, path, 0o444)
	chmod(t, dir, 0o555)
	before := len(p.Logs.String())
	if p.Restart() == nil {
		t.Fatal("started on a database that it cannot write")
	}
	line := strings.TrimSpace(p.Logs.String()[before:])
	if status := p.Wait(); status != 1 || strings.Contains(line, "\n") || !strings.Contains(line, path) || !strings.Contains(line, "readonly") {
		t.Errorf("status %d, %q, want 1 and one line with file and reason", status, line)
	}
	t.Log(line)
	chmod(t, dir, 0o755)
	chmod(t, path, 0o644)
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Errorf("refresh with a file that can be written: %v", err)
	}
}

// plainDatabase returns a folder and a database in it that belong to the user
// no one, or to the current one when that is not root.
func plainDatabase(t *testing.T) (dir, path string, opts harness.Options) {
	t.Helper()
	dir, err := os.MkdirTemp("", "mcpkeep-readonly-") //nolint:usetesting // t.TempDir is below a folder that only root may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	chmod(t, dir, 0o755)
	path = filepath.Join(dir, "mcpkeep.db")
	opts = harness.Options{Database: "sqlite:" + path, Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		opts.User = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return dir, path, opts
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// assertLogged checks that an error of the log says what is wrong.
func assertLogged(t *testing.T, p *harness.Process, text string) {
	t.Helper()
	for _, e := range p.Logs.Entries() {
		reason, _ := e["error"].(string)
		if e["severity"] == "ERROR" && strings.Contains(reason, text) {
			t.Logf("logged: %v: %s", e["message"], reason)
			return
		}
	}
	t.Errorf("no error in the log speaks of %q", text)
}
