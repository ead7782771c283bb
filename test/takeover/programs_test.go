//go:build takeover

package takeover_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// python returns the interpreter with a version of FastMCP.
func python(t *testing.T, version string) string {
	t.Helper()
	return filepath.Join(harness.Root(t), ".cache", "fastmcp-"+version, "bin", "python")
}

// startFor bounds the start of a Python server on a machine under load.
const startFor = 4 * time.Minute

// serve runs a FastMCP server until stop is called.
func serve(t *testing.T, version string, setup map[string]any) (stop func()) {
	t.Helper()
	end := serveUntil(t, version, setup)
	return func() { end(syscall.SIGKILL) }
}

// serveUntil runs a FastMCP server until a signal ends it.
func serveUntil(t *testing.T, version string, setup map[string]any) (stop func(syscall.Signal)) {
	t.Helper()
	argument, err := json.Marshal(setup)
	if err != nil {
		t.Fatal(err)
	}
	output := &harness.Log{}
	cmd := exec.CommandContext(t.Context(), python(t, version), "server.py", string(argument))
	cmd.Dir, cmd.Stdout, cmd.Stderr = "python", output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func(signal syscall.Signal) {
		_ = cmd.Process.Signal(signal)
		_ = cmd.Wait()
	}
	t.Cleanup(func() {
		stop(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("FastMCP %s printed (end):\n%s", version, output.Tail(8<<10))
		}
	})
	port, _ := setup["port"].(int)
	for began := time.Now(); time.Since(began) < startFor; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = conn.Close()
			return stop
		}
	}
	t.Fatalf("FastMCP %s does not listen:\n%s", version, output.Tail(8<<10))
	return nil
}

// client is FastMCP's client, with its tokens in a file, in a process that lives until it is
// started again or the test ends.
type client struct {
	t       *testing.T
	version string
	setup   []byte
	end     func()
	browser *harness.Browser
	stdin   io.Writer
	stdout  *bufio.Scanner
	opened  int // how often it opened the browser
}

// newClient starts a client. Its person's browser follows the sites.
func newClient(t *testing.T, version, server string, sites ...string) *client {
	t.Helper()
	_, port, _ := net.SplitHostPort(harness.FreeAddress(t))
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := json.Marshal(map[string]any{
		"server": server, "callbackPort": number, "tokens": filepath.Join(t.TempDir(), "tokens.db"),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, version: version, setup: setup, browser: harness.NewBrowser(nil)}
	c.browser.Sites = sites
	c.start()
	t.Cleanup(func() { c.end() })
	return c
}

// restart ends the process, as a host does, and starts another one with the same file.
func (c *client) restart() {
	c.t.Helper()
	c.end()
	c.start()
}

func (c *client) start() {
	c.t.Helper()
	output := &harness.Log{}
	cmd := exec.CommandContext(c.t.Context(), python(c.t, c.version), "client.py", string(c.setup))
	cmd.Dir, cmd.Stderr = "python", output
	stdin, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.stdin, c.stdout = stdin, bufio.NewScanner(stdout)
	c.end = func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if c.t.Failed() {
			c.t.Logf("the client of FastMCP %s printed (end):\n%s", c.version, output.Tail(8<<10))
		}
	}
}

// do has the client do something, and opens the browser when it asks for that.
func (c *client) do(command map[string]any) (json.RawMessage, error) {
	line, err := json.Marshal(command)
	if err == nil {
		_, err = c.stdin.Write(append(line, '\n'))
	}
	if err != nil {
		return nil, err
	}
	for c.stdout.Scan() {
		var message struct {
			Open   string          `json:"open"`
			Error  string          `json:"error"`
			Result json.RawMessage `json:"result"`
		}
		if err := json.Unmarshal(c.stdout.Bytes(), &message); err != nil {
			continue // the library prints, too
		}
		switch {
		case message.Open != "":
			if err := c.open(message.Open); err != nil {
				return nil, err
			}
		case message.Error != "":
			return nil, errors.New(message.Error)
		default:
			return message.Result, nil
		}
	}
	return nil, errors.New("the client has ended")
}

// open is the person at the browser, who approves; it brings the answer to the client.
func (c *client) open(url string) error {
	c.opened++
	left, err := c.browser.Visit(c.t.Context(), url)
	if err != nil {
		return err
	}
	return c.answer(left.String())
}

// answer loads the client's callback, which listens a moment after it opened the browser.
func (c *client) answer(url string) error {
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		res, err := http.DefaultClient.Do(req)
		switch {
		case err == nil:
			return res.Body.Close()
		case !errors.Is(err, syscall.ECONNREFUSED) || time.Since(began) > startFor:
			return err
		}
	}
}

// call calls a tool on a new connection. The browser may open as often as said.
func (c *client) call(tool, want string, browser int) {
	c.t.Helper()
	before := c.opened
	got, err := c.do(map[string]any{"do": "call", "tool": tool})
	if err != nil || !strings.Contains(string(got), want) {
		c.t.Fatalf("%s: %s, %v", tool, got, err)
	}
	if n := c.opened - before; n != browser {
		c.t.Fatalf("%s: the browser opened %d times, want %d", tool, n, browser)
	}
}

// held is what the client keeps.
type held struct {
	Access  string `json:"access"`
	Refresh string `json:"refresh"`
	Client  string `json:"client"`
	Secret  string `json:"secret,omitempty"` // which FastMCP 2.13 requires
}

func (c *client) tokens() held {
	c.t.Helper()
	var h held
	got, err := c.do(map[string]any{"do": "tokens"})
	if err == nil {
		err = json.Unmarshal(got, &h)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return h
}
