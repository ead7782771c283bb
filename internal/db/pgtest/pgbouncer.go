package pgtest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// EnvRequirePgBouncer is a variable that, set to anything, makes a test without PgBouncer fail instead of
// being skipped.
const EnvRequirePgBouncer = "MCPKEEP_REQUIRE_PGBOUNCER"

const bouncerPort = "6432" // only part of the socket's name

// Bouncer starts a PgBouncer in transaction mode, unless a setting such as
// "pool_mode = session" says otherwise, in front of the database at dsn, which is a URL
// of this package. It lets in the users named in dsn and in settings of the form
// "user NAME", ends with the test, and returns its URL of that database. Without
// PgBouncer the test is skipped or fails.
func Bouncer(t testing.TB, dsn string, settings ...string) string {
	t.Helper()
	program := bouncerProgram(t)
	server, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	cred, err := unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "mkpb") //nolint:usetesting // as in Cluster: a short path that another user can reach
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	writeBouncer(t, dir, server, settings)
	if cred != nil {
		for _, path := range []string{dir, filepath.Join(dir, "pgbouncer.ini"), filepath.Join(dir, "users.txt")} {
			if err := os.Chown(path, int(cred.Uid), int(cred.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	runBouncer(t, program, dir, cred)
	u := url.URL{Scheme: "postgres", User: url.User(server.User), Path: "/" + server.Database}
	u.RawQuery = url.Values{"host": {dir}, "port": {bouncerPort}}.Encode()
	return u.String()
}

// Through returns the URL at a Bouncer of another database of the same server.
func Through(t testing.TB, bouncer, dsn string) string {
	t.Helper()
	server, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return withDatabase(bouncer, server.Database)
}

// bouncerProgram finds PgBouncer, which packages put where only administrators look.
func bouncerProgram(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer", "/usr/local/sbin/pgbouncer"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	if os.Getenv(EnvRequirePgBouncer) != "" {
		t.Fatal("PgBouncer is not installed")
	}
	t.Skip("PgBouncer is not installed")
	return ""
}

func writeBouncer(t testing.TB, dir string, server *pgx.ConnConfig, settings []string) {
	t.Helper()
	users := []string{server.User}
	lines := []string{
		"[databases]", fmt.Sprintf("* = host=%s port=%d", server.Host, server.Port),
		"[pgbouncer]", "listen_addr =", "listen_port = " + bouncerPort, "unix_socket_dir = " + dir,
		"auth_type = trust", "auth_file = " + filepath.Join(dir, "users.txt"), "pool_mode = transaction",
		"default_pool_size = 20", "max_client_conn = 500",
	}
	for _, s := range settings {
		if name, ok := strings.CutPrefix(s, "user "); ok {
			users = append(users, name)
			continue
		}
		lines = append(lines, s)
	}
	var list strings.Builder
	for _, name := range users {
		_, _ = fmt.Fprintf(&list, "\"%s\" \"\"\n", name)
	}
	for name, text := range map[string]string{"pgbouncer.ini": strings.Join(lines, "\n") + "\n", "users.txt": list.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// runBouncer starts it and waits until it listens.
func runBouncer(t testing.TB, program, dir string, cred *syscall.Credential) {
	t.Helper()
	var out strings.Builder
	cmd := exec.Command(program, filepath.Join(dir, "pgbouncer.ini")) //nolint:noctx // outlives the context of the test
	cmd.SysProcAttr = sysProcAttr(cred, syscall.SIGKILL)
	cmd.Stdout, cmd.Stderr = &out, &out
	p, err := launch(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // immediately, even with clients connected
		<-p.done
	})
	socket := filepath.Join(dir, ".s.PGSQL."+bouncerPort)
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(pollInterval) {
		if conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", socket); err == nil {
			_ = conn.Close()
			return
		}
		if !p.running() || time.Now().After(deadline) {
			_ = p.cmd.Process.Kill()
			<-p.done
			t.Fatalf("PgBouncer does not run:\n%s", out.String())
		}
	}
}
