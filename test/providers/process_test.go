//go:build providers

package providers_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// startTimeout suits a machine under load. Now and then a Node.js process hangs before
// it listens, so a provider is started as often as startTries.
const (
	startTimeout = 30 * time.Second
	startTries   = 3
)

// kind is a provider that the tests can start.
type kind struct {
	name string
	// command returns the program and its arguments before address and redirect URI,
	// and the folder to run it in.
	command func(*testing.T) (dir string, command []string)
	// login are the text fields of its sign-in page for an account.
	login func(account string) map[string]string
	keeps bool // it may be killed and started again
}

func kinds() []kind {
	return []kind{
		{"oidc-provider", nodeProvider, func(a string) map[string]string { return map[string]string{"login": a} }, true},
		{"zitadel", goProvider, func(a string) map[string]string { return map[string]string{"username": a} }, false},
	}
}

func nodeProvider(t *testing.T) (dir string, command []string) {
	t.Helper()
	dir = harness.NodePackage(t, "test", "providers", "node")
	return dir, []string{harness.Node(dir), "provider.mjs"}
}

func goProvider(t *testing.T) (dir string, command []string) {
	t.Helper()
	program, err := buildOnce()
	if err != nil {
		t.Fatalf("go build test/providers/zitadel: %v", err)
	}
	return ".", []string{program}
}

// buildOnce builds the Go provider, where git does not look.
var buildOnce = sync.OnceValues(func() (string, error) {
	program, err := filepath.Abs("../../.cache/test/zitadel")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "-C", "zitadel", "build", "-o", program, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return program, nil
})

// provider is a running provider.
type provider struct {
	kind
	issuer, address, redirectURI, state string

	log harness.Log
	cmd *exec.Cmd
}

// startProvider starts a provider that sends people back to a server at that address,
// with alice and mallory as its people.
func startProvider(t *testing.T, k kind, server string) *provider {
	t.Helper()
	p := &provider{
		kind: k, address: harness.FreeAddress(t), redirectURI: "http://" + server + "/auth/callback", state: filepath.Join(t.TempDir(), "state.json"),
	}
	p.issuer = "http://" + p.address
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s printed (end):\n%s", p.name, p.log.Tail(4<<10))
		}
	})
	p.start(t)
	p.add(t, "alice", map[string]any{
		"name": "Alice A.", "preferred_username": "alice", "email": "alice@example.com", "email_verified": true, "groups": []string{"staff"},
	})
	p.add(t, "mallory", map[string]any{
		"name": "Mallory M.", "preferred_username": "mallory", "email": "mallory@evil.example", "email_verified": true,
	})
	return p
}

// start starts it on its address and returns when it listens.
func (p *provider) start(t *testing.T) {
	t.Helper()
	for try := 1; ; try++ {
		why := p.tryStart(t)
		if why == "" {
			return
		}
		p.kill()
		if try == startTries {
			t.Fatalf("%s %s", p.name, why)
		}
		t.Logf("%s %s: starting it again", p.name, why)
	}
}

// tryStart starts it once, and says why that failed.
func (p *provider) tryStart(t *testing.T) (why string) {
	t.Helper()
	dir, command := p.command(t)
	command = append(command, p.address, p.redirectURI)
	if p.keeps {
		command = append(command, p.state)
	}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Dir, p.cmd.Stderr = dir, &p.log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "listening on ") {
				ready <- true
			}
		}
		close(ready)
	}()
	select {
	case listening := <-ready:
		if !listening {
			return "ended instead of listening"
		}
		return ""
	case <-time.After(startTimeout):
		return "does not listen"
	}
}

// stop stops it as it is: connections are accepted, and there are no responses.
func (p *provider) stop(t *testing.T) { p.signal(t, syscall.SIGSTOP) }

// resume lets it continue.
func (p *provider) resume(t *testing.T) { p.signal(t, syscall.SIGCONT) }

func (p *provider) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// kill ends it immediately.
func (p *provider) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

func (p *provider) add(t *testing.T, id string, claims map[string]any) {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	p.control(t, http.MethodPut, id, body)
}

func (p *provider) remove(t *testing.T, id string) {
	t.Helper()
	p.control(t, http.MethodDelete, id, nil)
}

func (p *provider) control(t *testing.T, method, id string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.issuer+"/control/people/"+id, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, id, resp.Status)
	}
}
