//go:build clients

package clients_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// nodeDir is the folder of the npm package with the clients.
func nodeDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("typescript")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := installOnce(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

var installOnce = sync.OnceValues(func() (string, error) { return npmInstall("typescript") })

// npmInstall installs what the lockfile says, unless that is installed already.
func npmInstall(dir string) (string, error) {
	stamp := filepath.Join(dir, "node_modules", ".installed")
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", err
	}
	if have, err := os.ReadFile(stamp); err == nil && bytes.Equal(have, lock) {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return string(out), err
	}
	return "", os.WriteFile(stamp, lock, 0o600)
}

// nodeClient is a run.mjs that is told what to do.
type nodeClient struct {
	stdin   io.Writer
	answers *bufio.Scanner
}

func startNode(t *testing.T, args ...string) *nodeClient {
	t.Helper()
	dir := nodeDir(t)
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"run.mjs"}, args...)...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil && t.Failed() {
			t.Logf("node: %v\n%s", err, stderr.String())
		}
	})
	return &nodeClient{stdin: stdin, answers: bufio.NewScanner(stdout)}
}

// tell sends a command and reads its result into v, which may be nil.
func (c *nodeClient) tell(t *testing.T, command string, v any) {
	t.Helper()
	if _, err := io.WriteString(c.stdin, command+"\n"); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if !c.answers.Scan() {
		t.Fatalf("%s: node ended: %v", command, c.answers.Err())
	}
	var answer struct {
		OK     bool            `json:"ok"`
		Result json.RawMessage `json:"result"`
		Error  string          `json:"error"`
	}
	if err := json.Unmarshal(c.answers.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v: %s", command, err, c.answers.Text())
	}
	if !answer.OK {
		t.Fatalf("%s: %s", command, answer.Error)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(answer.Result, v); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}
