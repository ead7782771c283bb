package harness

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// Ports below those that systems give to outgoing connections: while a process
// is down, none of its clients can get its port, or even connect to itself.
const firstPort, lastPort = 20_000, 32_000

// reserved keeps the locks of this test program's ports until it ends.
var reserved struct {
	sync.Mutex
	locks map[int]*os.File
}

// FreeAddress returns a free port of 127.0.0.1 with its host. The port is this test
// program's until it ends: no other test gets it while its server is down, in
// whatever suite.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		ours, err := reserve(port)
		if err != nil {
			t.Fatalf("reserve port %d: %v", port, err)
		}
		if !ours {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

// reserve locks a port's file, which ends with this process, however it ends.
func reserve(port int) (bool, error) {
	reserved.Lock()
	defer reserved.Unlock()
	if reserved.locks[port] != nil {
		return false, nil
	}
	dir := filepath.Join(os.TempDir(), "mcpkeep-test-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	file, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = nil
		}
		return false, err
	}
	if reserved.locks == nil {
		reserved.locks = map[int]*os.File{}
	}
	reserved.locks[port] = file
	return true, nil
}
