package harness

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// EnvRequireRedis is a variable that, set to anything, makes a test without Redis fail instead
// of being skipped.
const EnvRequireRedis = "MCPKEEP_REQUIRE_REDIS"

// Redis starts a Redis server that keeps nothing on disk and ends with the test, and returns
// its URL. Without Redis the test is skipped or fails.
func Redis(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil && os.Getenv(EnvRequireRedis) != "" {
		t.Fatal("Redis is required: scripts/redis.sh installs it")
	}
	if err != nil {
		t.Skip("no Redis: scripts/redis.sh installs it")
	}
	address := FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	output := &Log{}
	cmd := exec.CommandContext(t.Context(), program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	})
	dialer := &net.Dialer{}
	for began := time.Now(); time.Since(began) < startTimeout; time.Sleep(20 * time.Millisecond) {
		if conn, err := dialer.DialContext(t.Context(), "tcp", address); err == nil {
			_ = conn.Close()
			return "redis://" + address + "/0"
		}
	}
	t.Fatalf("Redis does not listen:\n%s", output.Tail(4<<10))
	return ""
}
