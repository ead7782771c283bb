package process_test

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

// output runs a command to its end.
func output(t *testing.T, cmd process.Command) (string, error) {
	t.Helper()
	p := start(t, cmd)
	_ = p.Stdin.Close()
	text, err := io.ReadAll(p.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	return strings.TrimSpace(string(text)), p.Err()
}

// TestMemory: a command gets no more memory than its limit, and cannot raise it.
func TestMemory(t *testing.T) {
	t.Parallel()
	cmd := ownProgram(t, "allocate")
	if text, err := output(t, cmd); err != nil || !strings.HasPrefix(text, "allocated") {
		t.Fatalf("without a limit: %q %v", text, err)
	}
	cmd.Memory = 200 << 20
	if text, err := output(t, cmd); err == nil {
		t.Errorf("allocated beyond the limit: %q", text)
	}
	low := shell("ulimit -H -d; ulimit -S -d; echo ok") // lower than a supervisor needs
	low.Memory = 16 << 20
	if text, err := output(t, low); err != nil || text != "16384\n16384\nok" {
		t.Errorf("%q %v", text, err)
	}
}

// TestOpenFiles: a command opens no more files than its limit.
func TestOpenFiles(t *testing.T) {
	t.Parallel()
	cmd := ownProgram(t, "open")
	cmd.OpenFiles = 64
	text, err := output(t, cmd)
	n, _ := strconv.Atoi(strings.TrimPrefix(text, "opened "))
	if err != nil || n < 32 || n > 64 {
		t.Errorf("%q %v", text, err)
	}
	cmd.OpenFiles = 0
	if text, err = output(t, cmd); err != nil || text != "opened 2000" {
		t.Errorf("without a limit: %q %v", text, err)
	}
	soft := shell("ulimit -S -n")
	want, _ := output(t, soft)
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		t.Fatal(err)
	}
	soft.OpenFiles = 1 << 40 // more than there is
	if text, err := output(t, soft); err != nil || text != strconv.FormatUint(own.Max, 10) {
		t.Errorf("%q %v; %s without a limit", text, err, want)
	}
}

// TestDescriptors: a command has its three descriptors and no others, whatever mcpkeep has open.
func TestDescriptors(t *testing.T) {
	t.Parallel()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	leak, err := syscall.Dup(int(f.Fd())) // not closed on exec, like what a program inherits
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(leak) }()
	_ = start(t, shell("cat")) // another one, whose pipes are open
	text, err := output(t, shell("ls -l /proc/self/fd; true"))
	if err != nil {
		t.Fatal(err)
	}
	var others []string
	for line := range strings.SplitSeq(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.HasSuffix(line, "/fd") { // the folder that is listed
			continue
		}
		if fd := fields[len(fields)-3]; fd != "0" && fd != "1" && fd != "2" {
			others = append(others, line)
		}
	}
	if len(others) > 0 || !strings.Contains(text, " 0 -> pipe:") {
		t.Errorf("%q in\n%s", others, text)
	}
}

// TestUser: a command that runs as another user has that user's groups and no way back.
func TestUser(t *testing.T) {
	t.Parallel()
	const uid, gid, other = 61234, 61235, 61236
	cmd := shell("id -u; id -g; id -G; grep -E '^(Uid|CapEff)' /proc/self/status; echo x > /dev/stderr && echo yes")
	cmd.User = &process.Credential{UID: uid, GID: gid, Groups: []uint32{other}, Home: "/", Name: "x"}
	if os.Geteuid() != 0 {
		if _, err := process.Start(cmd); err == nil || !strings.Contains(err.Error(), "as another user: operation not permitted") {
			t.Errorf("%v", err)
		}
		return
	}
	text, err := output(t, cmd)
	if err != nil || text != "61234\n61235\n61235 61236\nUid:\t61234\t61234\t61234\t61234\nCapEff:\t0000000000000000\nyes" {
		t.Errorf("%q %v", text, err)
	}
	mark := newMark(t)
	cmd = shell("trap '' TERM; sleep 1000 & cat; sleep 1000", mark)
	cmd.User = &process.Credential{UID: uid, GID: gid}
	p := start(t, cmd)
	p.Kill()
	gone(t, p)
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	cmd.Dir = t.TempDir()
	if err := os.Chmod(cmd.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := process.Start(cmd); err == nil || !strings.Contains(err.Error(), "cannot be entered: permission denied") {
		t.Errorf("the folder is root's: %v", err)
	}
}
