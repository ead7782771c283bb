//go:build clients

package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// inspector is the MCP Inspector's command line: a process for each command,
// with tokens in files.
type inspector struct {
	*person
	t         *testing.T
	node, dir string // dir is the installed package
	home      string
	server    string
	args, env []string
}

const inspectorPackage = "@modelcontextprotocol/inspector"

func startInspector(t *testing.T, s setup) driver {
	t.Helper()
	dir, home := harness.NodeDir(t), t.TempDir()
	// It opens a browser with this command when it has no terminal.
	opener := filepath.Join(home, "xdg-open")
	if err := os.WriteFile(opener, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	i := &inspector{
		person: newPerson(t), t: t, home: home, server: s.Server, node: harness.Node(dir), dir: filepath.Join(dir, "node_modules", inspectorPackage),
		args: []string{"--transport", "http", "--server-url", s.Server, "--callback-url", s.RedirectURI, "--format", "json", "--quiet"},
		env: append(os.Environ(), "HOME="+home, "MCP_STORAGE_DIR="+home, "MCP_INSPECTOR_SECRET_STORE=file",
			"MCP_AUTO_OPEN_ENABLED=true", "PATH="+home+":"+os.Getenv("PATH")),
	}
	for flag, value := range map[string]string{
		"--client-id": s.ClientID, "--client-secret": s.ClientSecret, "--client-metadata-url": s.DocumentURL,
	} {
		if value != "" {
			i.args = append(i.args, flag, value)
		}
	}
	return i
}

func (i *inspector) connect() error {
	_, err := i.run("--method", "tools/list")
	return err
}

func (i *inspector) call(tool string, args map[string]any) (result, error) {
	document, err := json.Marshal(args)
	if err != nil {
		return result{}, err
	}
	out, err := i.run("--method", "tools/call", "--tool-name", tool, "--tool-args-json", string(document))
	if err != nil && len(out) == 0 {
		return result{}, err
	}
	var answer struct {
		Result struct {
			IsError    bool            `json:"isError"`
			Structured json.RawMessage `json:"structuredContent"`
			Content    json.RawMessage `json:"content"`
		} `json:"result"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return result{}, fmt.Errorf("%w: %s", err, out)
	}
	return result{IsError: answer.Result.IsError, Structured: answer.Result.Structured, Content: answer.Result.Content}, nil
}

// run runs one command, signing in when it asks for that.
func (i *inspector) run(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(i.ctx, driverTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, i.node, slices.Concat([]string{filepath.Join(i.dir, "clients", "cli", "build", "index.js")}, i.args, args)...)
	cmd.Env = i.env
	cmd.Stdin = strings.NewReader("y\n") // to the question whether to ask for more scope
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	printed, err := i.follow(stderr, cancel)
	if waited := cmd.Wait(); waited != nil {
		return stdout.Bytes(), errors.Join(err, fmt.Errorf("%w: %s", waited, printed))
	}
	return stdout.Bytes(), err
}

// follow signs in at the URL that it prints; a person who cannot interrupts it.
func (i *inspector) follow(stderr io.Reader, interrupt func()) (string, error) {
	var printed strings.Builder
	var failed error
	for lines := longLines(stderr); lines.Scan(); {
		printed.WriteString(lines.Text() + "\n")
		_, target, ok := strings.Cut(lines.Text(), "Please navigate to: ") // perhaps behind a prompt
		if !ok {
			continue
		}
		answer, err := i.visit(target)
		if err == nil {
			err = i.deliver(answer)
		}
		if err != nil {
			failed = err
			interrupt()
		}
	}
	return printed.String(), failed
}

// askFor writes a configuration file that names the scope.
func (i *inspector) askFor(scope string) error {
	document, err := json.Marshal(map[string]any{"mcpServers": map[string]any{"keep": map[string]any{
		"type": "streamable-http", "url": i.server, "oauth": map[string]any{"scopes": scope},
	}}})
	if err != nil {
		return err
	}
	file := filepath.Join(i.home, "servers.json")
	for n := range i.args {
		if i.args[n] == "--server-url" {
			i.args = slices.Replace(i.args, n-2, n+2, "--config", file, "--server", "keep")
			break
		}
	}
	return os.WriteFile(file, document, 0o600)
}

func (i *inspector) version() (string, error) {
	return harness.PackageVersion(i.t, inspectorPackage), nil
}
