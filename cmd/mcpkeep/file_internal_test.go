package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// started runs a server until it is ready, ends it and returns all that it printed.
func started(t *testing.T, env map[string]string, args ...string) (string, string) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said, logged := &printed{}, &printed{}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), streams{in: strings.NewReader(""), out: said, err: logged})
	}()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(said.String(), "listening on") && time.Now().Before(deadline); {
		select {
		case status := <-ended:
			t.Fatalf("status %d: %s", status, logged.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	stop()
	<-ended
	return said.String(), logged.String()
}

// TestEphemeralDisk: a real file system that goes away is said at each start in the
// doctor's words, and refused on Cloud Run.
func TestEphemeralDisk(t *testing.T) {
	const tmpfs = "/dev/shm"
	if _, err := os.Stat(tmpfs); err != nil {
		t.Skipf("%s is missing: %v", tmpfs, err)
	}
	t.Setenv("TMPDIR", tmpfs)
	folder := t.TempDir()
	path := filepath.Join(folder, "x.db")
	env := map[string]string{"DATABASE_URL": "sqlite:" + path, "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	findings, _ := examined(t, env)
	for range 2 {
		if _, logged := started(t, env); !strings.Contains(logged, findings["database_file_system"].What) || !strings.Contains(logged, findings["database_file_system"].Fix) {
			t.Errorf("the log has %s", logged)
		}
	}
	env["DATABASE_URL"] = "sqlite:" + filepath.Join(folder, "new.db")
	env["K_SERVICE"] = "mcp"
	command(t, env, "serve", "--listen", "127.0.0.1:0").wants(t, exitFailed, "on Cloud Run", "MCPKEEP_ALLOW_EPHEMERAL=true")
	if _, err := os.Stat(filepath.Join(folder, "new.db")); err == nil {
		t.Error("the refused start made a file")
	}
	findings, status := examined(t, env)
	diagnosed(t, findings, "database_file_system", doctor.Failed, "tmpfs", "MCPKEEP_ALLOW_EPHEMERAL=true")
	if status != exitFailed {
		t.Errorf("status %d", status)
	}
	env["MCPKEEP_ALLOW_EPHEMERAL"] = "true"
	started(t, env)
}

// TestSecondServer: the second server on one file names the first.
func TestSecondServer(t *testing.T) {
	env := map[string]string{"DATABASE_URL": dbtest.SQLite().URL(t), "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	if _, logged := started(t, env); strings.Contains(logged, "another server") {
		t.Errorf("alone: %s", logged)
	}
	served(t, env)
	if _, logged := started(t, env); !strings.Contains(logged, "another server uses this database file") || !strings.Contains(logged, "process ") {
		t.Errorf("the log has %s", logged)
	}
}

// TestForgottenPassword: what to do is said at the start, and works.
func TestForgottenPassword(t *testing.T) {
	env := map[string]string{"DATABASE_URL": dbtest.SQLite().URL(t), "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	file := filepath.Join(filepath.Dir(strings.TrimPrefix(env["DATABASE_URL"], "sqlite:")), "mcpkeep.password")
	out, logged := started(t, env)
	content, err := os.ReadFile(file)
	if err != nil || strings.Contains(out+logged, strings.TrimSpace(string(content))) || !strings.Contains(logged, file) {
		t.Errorf("the first start: %v, %s%s", err, out, logged)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v: %v", info.Mode(), err)
	}
	if out, _ := started(t, env); !strings.Contains(out, "`mcpkeep users password` sets a new one") {
		t.Errorf("the second start: %s", out)
	}
	command(t, env, "users", "password").wants(t, exitFailed, "not confirmed")
	first, second := command(t, env, "users", "password", "--yes"), command(t, env, "users", "password", "--yes")
	first.wants(t, exitOK, "shown only now")
	if first.out == second.out {
		t.Error("the same password twice")
	}
	command(t, env, "events", "--type", "password_set").wants(t, exitOK, "operator")
	t.Setenv("MCPKEEP_LOCAL_PASSWORD", "correct horse")
	if out, _ := started(t, env); !strings.Contains(out, "MCPKEEP_LOCAL_PASSWORD") {
		t.Errorf("with the variable: %s", out)
	}
}

// TestName: MCPKEEP_NAME is in the metadata.
func TestName(t *testing.T) {
	env := map[string]string{"DATABASE_URL": dbtest.SQLite().URL(t), "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}
	address := served(t, env, "--name", "Acme tools")
	resp, err := http.Get(address + "/.well-known/oauth-protected-resource/mcp")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	var document struct {
		Name string `json:"resource_name"`
	}
	if err != nil || json.NewDecoder(bytes.NewReader(body)).Decode(&document) != nil || document.Name != "Acme tools" {
		t.Errorf("%v: %s", err, body)
	}
	command(t, env, "serve", "--name", strings.Repeat("x", 61)).wants(t, exitUsage, "MCPKEEP_NAME (--name): 61 characters long; want up to 60")
	env["MCPKEEP_NAME"] = "a\x01b"
	command(t, env, "serve").wants(t, exitUsage, "not printable")
}
