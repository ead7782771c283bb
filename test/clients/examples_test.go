//go:build clients

package clients_test

import (
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestExamples: the TypeScript client signs in to each example, calls its tool,
// refreshes, and after a revocation signs in again.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mcpgo", "gosdk", "remote"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			address := harness.FreeAddress(t)
			database := "sqlite:" + filepath.Join(dir, "mcpkeep.db") // of the example, in its folder
			if name == "remote" {
				p := harness.Start(t, harness.Options{Database: database})
				startExample(t, dir, name, address, registerExample(t, database, "http://"+address+"/mcp"), "-issuer", p.URL)
			} else {
				startExample(t, dir, name, address, []string{"PASSWORD=" + harness.Password})
			}
			liveWithExample(t, node("sdk")(t, setup{
				Server: "http://" + address + "/mcp", RedirectURI: "http://" + harness.FreeAddress(t) + "/callback",
			}), database)
		})
	}
}

func liveWithExample(t *testing.T, client driver, database string) {
	t.Helper()
	conn := dbtest.SQL(t, database)
	greeted := func(step string, grants int64) {
		t.Helper()
		r, err := client.call("greet", map[string]any{})
		if err != nil || r.IsError || !strings.Contains(string(r.Content), "Hello, usr_") {
			t.Fatalf("%s: %s, %v", step, r.Content, err)
		}
		if n := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_grants"); n != grants {
			t.Errorf("%s: %d sign-ins so far, want %d", step, n, grants)
		}
	}
	if err := client.connect(); err != nil {
		t.Fatal(err)
	}
	greeted("sign in", 1)
	dbtest.Exec(t, conn, "DELETE FROM mcpkeep_access_tokens")
	time.Sleep(time.Second) // what the server, and the guard of another, remember
	greeted("refresh", 1)
	if n := dbtest.Value[int64](t, conn, "SELECT COUNT(*) FROM mcpkeep_refresh_tokens"); n != 2 {
		t.Errorf("%d refresh tokens, want two: the client has refreshed", n)
	}
	dbtest.Exec(t, conn, "UPDATE mcpkeep_grants SET revoked_at = 1")
	time.Sleep(2 * time.Second)
	if err := client.connect(); err != nil {
		t.Fatalf("after the revocation: %v", err)
	}
	greeted("sign in again", 2)
}

// startExample builds and starts an example.
func startExample(t *testing.T, dir, name, address string, env []string, args ...string) {
	t.Helper()
	source, err := filepath.Abs("../../examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, name)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{"-listen", address}, args...)...)
	cmd.Dir, cmd.Env = dir, append(cmd.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _ = cmd.Process.Kill(); cmd.Wait() != nil && t.Failed() {
			t.Log(stderr.String())
		}
	})
	for range 200 {
		if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address); err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the example does not listen")
}

// registerExample is what an administrator does for a server that stays separate.
func registerExample(t *testing.T, database, resource string) (env []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), harness.Build(t), "clients", "create", "--name", "Greeter",
		"--resource", resource, "--database-url", database, "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var created struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(out, &created); err != nil {
		t.Fatal(err)
	}
	return []string{"MCPKEEP_CLIENT_ID=" + created.ID, "MCPKEEP_CLIENT_SECRET=" + created.Secret}
}
