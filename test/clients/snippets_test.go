//go:build clients

package clients_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// snippet is a documented way to verify assertions. rest makes a program of it, which prints
// for each assertion that it reads, a line each, whose it is, or that it is refused.
type snippet struct {
	language, file, rest string
	command              func(t *testing.T, file string) *exec.Cmd
}

var snippets = []snippet{
	{"go", "snippet.go", goProgram, func(t *testing.T, file string) *exec.Cmd {
		rest := filepath.Join(filepath.Dir(file), "main.go")
		if err := os.WriteFile(rest, []byte(goProgram), 0o600); err != nil {
			t.Fatal(err)
		}
		program := filepath.Join(filepath.Dir(file), "snippet")
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, file, rest).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return exec.CommandContext(t.Context(), program)
	}},
	{"python", "snippet.py", pythonProgram, func(t *testing.T, file string) *exec.Cmd {
		return exec.CommandContext(t.Context(), harness.Python(t), file)
	}},
	{"typescript", "snippet.ts", typescriptProgram, func(t *testing.T, file string) *exec.Cmd {
		dir := harness.NodeDir(t)
		if err := os.Symlink(filepath.Join(dir, "node_modules"), filepath.Join(filepath.Dir(file), "node_modules")); err != nil {
			t.Fatal(err)
		}
		return exec.CommandContext(t.Context(), harness.Node(dir), "--experimental-strip-types", "--disable-warning=ExperimentalWarning",
			"--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", file)
	}},
}

const (
	goProgram = `package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
)

func main() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		c, err := callerOf(context.Background(), http.Header{"X-Mcpkeep-Assertion": {lines.Text()}})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			c.ID = "refused"
		}
		fmt.Println(c.ID)
	}
}
`
	pythonProgram = `
import sys

for line in sys.stdin:
    try:
        print(caller_of({"x-mcpkeep-assertion": line.strip()})["sub"])
    except jwt.PyJWTError as e:
        print(e, file=sys.stderr)
        print("refused")
`
	typescriptProgram = `
import { createInterface } from 'node:readline'

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log((await callerOf(new Headers({ 'x-mcpkeep-assertion': line }))).sub)
  } catch (e) {
    console.error(String(e))
    console.log('refused')
  }
}
`
)

// documented returns the snippet as docs/gateway.md has it, for another issuer and audience.
func (s snippet) documented(t *testing.T, issuer, audience string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "gateway.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(text), "\n### Verify it\n")
	found := regexp.MustCompile("(?s)\n```" + s.language + "\n(.*?)\n```\n").FindStringSubmatch(chapter)
	if found == nil {
		t.Fatalf("docs/gateway.md has no snippet in %s", s.language)
	}
	code := found[1] + "\n"
	for documented, actual := range map[string]string{"https://mcp.example.com": issuer, "http://127.0.0.1:9000/mcp": audience} {
		if strings.Count(code, documented) != 1 {
			t.Fatalf("the snippet in %s does not have %s once", s.language, documented)
		}
		code = strings.Replace(code, documented, actual, 1)
	}
	return code
}

// run verifies assertions, and returns what it says of each.
func (s snippet) run(t *testing.T, issuer, audience string, assertions func() []string) []string {
	t.Helper()
	code := s.documented(t, issuer, audience)
	if s.language != "go" {
		code += s.rest
	}
	file := filepath.Join(t.TempDir(), s.file)
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), driverTimeout)
	defer cancel()
	cmd := s.command(t, file)
	cmd.Stdin = strings.NewReader(strings.Join(assertions(), "\n") + "\n")
	var out, why bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &why
	stop := context.AfterFunc(ctx, func() { _ = cmd.Cancel() })
	defer stop()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &why)
	}
	t.Logf("%s", &why)
	return strings.Fields(out.String())
}
