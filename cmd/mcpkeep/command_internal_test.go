package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCommandAfterDashes: what does not fit together is status 2 and one line, without arguments.
func TestCommandAfterDashes(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"with an upstream":  {nil, []string{"serve", "--upstream", "http://127.0.0.1:1/mcp", "--", "sh", "sesame"}, "MCPKEEP_UPSTREAM (--upstream): a command after -- is given too"},
		"with its variable": {map[string]string{"MCPKEEP_UPSTREAM": "http://127.0.0.1:1/mcp"}, []string{"serve", "--", "sh"}, "MCPKEEP_UPSTREAM (--upstream): a command after --"},
		"with a file":       {nil, []string{"serve", "--config", "f.yaml", "--", "sh"}, "MCPKEEP_CONFIG (--config): a command after -- is given too"},
		"nothing behind":    {nil, []string{"serve", "--"}, "the command after -- is missing"},
		"an empty word":     {nil, []string{"serve", "--", ""}, "the command after -- is missing"},
		"not installed":     {nil, []string{"serve", "--", "no-such-program-here", "sesame"}, "the command no-such-program-here is not found in PATH"},
		"without dashes":    {nil, []string{"serve", "sh"}, "unexpected argument sh"},
		"another command":   {nil, []string{"version", "--", "sh"}, "unexpected argument sh"},
		"flag before it":    {nil, []string{"serve", "--listen", "--", "sh"}, "--listen"},
	} {
		t.Run(name, func(t *testing.T) {
			r := command(t, tt.env, tt.args...)
			if r.status != exitUsage || !strings.Contains(r.err, tt.want) || strings.Count(r.err, "\n") != 1 || strings.Contains(r.err, "sesame") {
				t.Errorf("status %d, %q, want %q", r.status, r.err, tt.want)
			}
		})
	}
}

// TestCommandIsTaken: all after the first "--" is the other program's, also what looks like ours.
func TestCommandIsTaken(t *testing.T) {
	own, behind := splitCommand([]string{"serve", "--name", "x", "--", "npx", "-y", "--name", "y", "--", "z"})
	if !slices.Equal(own, []string{"serve", "--name", "x"}) || !slices.Equal(behind, []string{"npx", "-y", "--name", "y", "--", "z"}) {
		t.Errorf("%q and %q", own, behind)
	}
	f := &serveFlags{}
	f.takeCommand([]string{"sh", "-c", "exit"})
	file, err := f.upstreams()
	if err != nil || len(file.Upstreams) != 1 || file.Upstreams[0].Path() != "/mcp" || !slices.Equal(file.Upstreams[0].Command.Args, []string{"-c", "exit"}) {
		t.Errorf("%+v %v", file, err)
	}
}

// TestConfigCheckCommand names the program, but neither arguments nor what a variable has.
func TestConfigCheckCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	text := "mcpServers:\n  a: {command: sh, args: [sesame]}\n  b: {command: \"${SHELL_PATH}\"}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := command(t, map[string]string{"SHELL_PATH": "/bin/sh"}, "config", "check", path)
	if r.status != exitOK || r.out != "a at /a/mcp: the command sh\nb at /b/mcp: a command\n" {
		t.Errorf("status %d, %q, %q", r.status, r.out, r.err)
	}
}

// TestConfigCheckProvider: what a file can say depends on the sign-in provider, where that is named.
func TestConfigCheckProvider(t *testing.T) {
	for name, entry := range map[string]string{
		"a.yaml:1:47: the sign-in provider local does not report groups": "allow: {groups: [support]}",
		"a.yaml:1:56: the sign-in provider local gives out no tokens":    "provider_token: Authorization",
	} {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("a.yaml", []byte("mcpServers: {a: {url: 'http://[::1]/', "+entry+"}}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for provider, want := range map[string]int{"": exitOK, "github": exitOK, "local": exitUsage} {
			r := command(t, map[string]string{"MCPKEEP_PROVIDER": provider}, "config", "check", "a.yaml")
			if r.status != want || want != exitOK && !strings.HasPrefix(r.err, name) {
				t.Errorf("%s with %q: status %d, %q", entry, provider, r.status, r.err)
			}
		}
	}
}
