//go:build clients

package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// answer is what a script got.
type answer struct {
	status int // of HTTP, of the last response
	body   string
}

// works wants a token good for a job in Python and for curl, at both replicas.
func (f *fleet) works(token token, path string) {
	f.t.Helper()
	for _, got := range []answer{f.curl(token, path), f.curl(token, path), f.job(token, path)} {
		if got.status != http.StatusOK && got.status != http.StatusAccepted || !strings.Contains(got.body, greeting) {
			f.t.Errorf("%s, %s: %d %s", token.id, path, got.status, got.body)
		}
	}
}

// refused wants the opposite.
func (f *fleet) refused(token token, path string) {
	f.t.Helper()
	for _, got := range []answer{f.curl(token, path), f.curl(token, path), f.job(token, path)} {
		if got.status != http.StatusUnauthorized || strings.Contains(got.body, greeting) {
			f.t.Errorf("%s, %s: %d %s", token.id, path, got.status, got.body)
		}
	}
}

// curl calls the tool with curl. The token goes to its standard input.
func (f *fleet) curl(token token, path string) answer {
	f.t.Helper()
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + greetingTool + `","arguments":{}}}`
	ctx, cancel := context.WithTimeout(f.t.Context(), driverTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "curl", "--silent", "--show-error", "--write-out", `\n%{http_code}`, "--header", "@-", "--data", call, f.url+path)
	cmd.Stdin = strings.NewReader(strings.Join([]string{
		"Authorization: Bearer " + token.value, "Content-Type: application/json", "Accept: application/json, text/event-stream",
		"Mcp-Protocol-Version: 2025-11-25",
	}, "\n"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("curl: %v\n%s", err, out)
	}
	cut := bytes.LastIndexByte(out, '\n')
	status, err := strconv.Atoi(string(out[cut+1:]))
	if err != nil {
		f.t.Fatalf("curl: %v\n%s", err, out)
	}
	f.printed = append(f.printed, string(out))
	return answer{status, string(out[:cut])}
}

// job calls the tool with the official Python SDK.
func (f *fleet) job(token token, path string) answer {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), driverTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.Python(f.t), "job.py", f.url+path, greetingTool)
	cmd.Dir = filepath.Join(harness.Root(f.t), "test", "clients", "python")
	cmd.Env = append(os.Environ(), "JOB_TOKEN="+token.value)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("job.py: %v\n%s", err, tail(complaints.String()))
	}
	var saw struct {
		Text     string `json:"text"`
		Error    string `json:"error"`
		Statuses []int  `json:"statuses"`
	}
	if err := json.Unmarshal(out, &saw); err != nil || len(saw.Statuses) == 0 {
		f.t.Fatalf("job.py: %v\n%s", err, out)
	}
	f.printed = append(f.printed, string(out), complaints.String())
	return answer{slices.Max(saw.Statuses), saw.Text + saw.Error}
}
