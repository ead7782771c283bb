package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
)

// foreignFolder is a folder of root, with this mode, in one that all may enter.
func foreignFolder(t *testing.T, mode os.FileMode) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can run a program as another user")
	}
	parent, err := os.MkdirTemp("", "mcpkeep-fixes-") //nolint:usetesting // its parent is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	folder := filepath.Join(parent, "data")
	if err := errors.Join(os.Chmod(parent, 0o755), os.Mkdir(folder, mode), os.Chmod(folder, mode)); err != nil {
		t.Fatal(err)
	}
	return folder
}

// asUser runs the program in a process of its own, as another user unless that is 0.
func asUser(t *testing.T, user uint32, env map[string]string, args ...string) result {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = []string{asProgram + "=1", "PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if user != 0 {
		cmd.Path, cmd.Dir = copied(t, binary), "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// copied is a copy of a program that other users may run.
func copied(t *testing.T, binary string) string {
	t.Helper()
	path := filepath.Join(foreignFolder(t, 0o755), "program")
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, content, 0o755), os.Chmod(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

// sqlInFix finds statements in backticks, or behind the words about who runs them.
var sqlInFix = regexp.MustCompile("(?:`|administrator: )((?:ALTER|GRANT|CREATE) .*?)(?:`|; Or |(?:;$))")

// runSQL runs the statements in the text of a fix.
func runSQL(t *testing.T, conn *sql.DB, f doctor.Finding) {
	t.Helper()
	found := sqlInFix.FindStringSubmatch(f.Fix)
	if found == nil {
		t.Fatalf("no statements in %q", f.Fix)
	}
	dbtest.Exec(t, conn, found[1])
}

// newRole makes a role that may connect and nothing else.
func newRole(t *testing.T, conn *sql.DB) string {
	t.Helper()
	role := "fixes_" + dbtest.Value[string](t, conn, "SELECT substr(md5(random()::text), 1, 12)")
	dbtest.Exec(t, conn, "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() {
		_, _ = conn.ExecContext(context.WithoutCancel(t.Context()), "REASSIGN OWNED BY "+role+" TO CURRENT_USER; DROP OWNED BY "+role+"; DROP ROLE "+role)
	})
	return role
}
