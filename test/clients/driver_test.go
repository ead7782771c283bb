//go:build clients

package clients_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// driver is a client under the test's control.
type driver interface {
	// connect makes a new connection to the server and signs in if need be.
	connect() error
	// call calls a tool on the connection.
	call(tool string, args map[string]any) (result, error)
	// askFor has the application ask for a scope, where the library does not do so
	// by itself. The next connection has it.
	askFor(scope string) error
	// version is that of the client's package.
	version() (string, error)
}

// result is what a tool answered.
type result struct {
	IsError    bool            `json:"isError"`
	Structured json.RawMessage `json:"structured"`
	Content    json.RawMessage `json:"content"`
}

// setup is what an application with the client is told: where the server is, and
// how the client is known there.
type setup struct {
	Library      string `json:"library,omitempty"`
	Server       string `json:"server"` // the MCP endpoint
	RedirectURI  string `json:"redirectUri"`
	ClientID     string `json:"clientId,omitempty"`
	ClientSecret string `json:"clientSecret,omitempty"`
	DocumentURL  string `json:"documentUrl,omitempty"`
	// Stored says that ClientID belongs to a registration that the client made once and
	// kept, and would make again: not one that it was given.
	Stored bool `json:"stored,omitempty"`
}

// command is one line to a client that is a process.
type command struct {
	Do        string         `json:"do,omitempty"`
	Tool      string         `json:"tool,omitempty"`
	Arguments map[string]any `json:"arguments,omitempty"`
	Scope     string         `json:"scope,omitempty"`
	Answer    string         `json:"answer,omitempty"`
}

// process is a client in another language, which is told what to do line by line.
type process struct {
	*person
	listens bool // it has a server of its own for the answer
	stdin   *json.Encoder
	stdout  *bufio.Scanner
}

// driverTimeout bounds a client's life.
const driverTimeout = 2 * time.Minute

// startProcess starts a client that speaks the protocol in the package's comment.
func startProcess(t *testing.T, listens bool, dir string, command []string, s setup) *process {
	t.Helper()
	argument, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), driverTimeout)
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], string(argument))...)
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
		defer cancel()
		_ = stdin.Close()
		if err := cmd.Wait(); t.Failed() {
			t.Logf("%s: %v\n%s", s.Library, err, tail(stderr.String()))
		}
	})
	return &process{person: newPerson(t), listens: listens, stdin: json.NewEncoder(stdin), stdout: longLines(stdout)}
}

func longLines(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	return lines
}

func tail(s string) string { return s[max(0, len(s)-8<<10):] }

func (p *process) connect() error { return p.tell(command{Do: "connect"}, nil) }

func (p *process) call(tool string, args map[string]any) (result, error) {
	var r result
	err := p.tell(command{Do: "call", Tool: tool, Arguments: args}, &r)
	return r, err
}

func (p *process) askFor(scope string) error {
	return p.tell(command{Do: "askFor", Scope: scope}, nil)
}

func (p *process) version() (string, error) {
	var v string
	err := p.tell(command{Do: "version"}, &v)
	return v, err
}

// tell sends a command, opens the browser when the client asks for it, and reads
// the result into v, which may be nil.
func (p *process) tell(c command, v any) error {
	if err := p.stdin.Encode(c); err != nil {
		return fmt.Errorf("%s: %w", c.Do, err)
	}
	for p.stdout.Scan() {
		var m struct {
			Open   string          `json:"open"`
			Result json.RawMessage `json:"result"`
			Error  string          `json:"error"`
		}
		if err := json.Unmarshal(p.stdout.Bytes(), &m); err != nil {
			return fmt.Errorf("%s: %w: %s", c.Do, err, p.stdout.Text())
		}
		switch {
		case m.Error != "":
			return fmt.Errorf("%s: %s", c.Do, m.Error)
		case m.Open == "" && v == nil:
			return nil
		case m.Open == "":
			return json.Unmarshal(m.Result, v)
		}
		if err := p.browse(m.Open); err != nil {
			return fmt.Errorf("%s: %w", c.Do, err)
		}
	}
	return errors.Join(fmt.Errorf("%s: the client ended", c.Do), p.stdout.Err())
}

// browse opens a URL and hands the answer to the client in its own way.
func (p *process) browse(target string) error {
	answer, err := p.visit(target)
	if err != nil {
		return err
	}
	if p.listens {
		return p.deliver(answer)
	}
	return p.stdin.Encode(command{Answer: answer.String()})
}
