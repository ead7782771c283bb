package upstreams_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/process"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

const command = `
mcpServers:
  files:
    type: stdio
    command: sh
    args: ["-c", "", "${KEY}", "file:///data"]
    env: {LOG_LEVEL: info, TOKEN: "${KEY}", EMPTY: ""}
    cwd: /
    process: person
    user: "1000:1001"
    title: Files
    scopes: {"files:write": Change files}
    timeout: {answer: 1m}
    limits: {processes: 7, per_person: 3, idle: none, start: 2s, memory: 64MB, open_files: 99}
  plain:
    command: /bin/sh
`

// TestCommand: every key of a command arrives, and what is left out has the documented value.
func TestCommand(t *testing.T) {
	t.Parallel()
	f := parse(t, command)
	u := f.Upstreams[0]
	want := &upstreams.Command{
		Path: "sh", Args: []string{"-c", "", secret, "file:///data"}, Env: map[string]string{"LOG_LEVEL": "info", "TOKEN": secret, "EMPTY": ""},
		Dir: "/", Process: upstreams.ProcessPerson, User: &process.Credential{UID: 1000, GID: 1001, Home: "/", Name: "1000"},
		Limits: upstreams.Limits{Processes: 7, PerPerson: 3, Start: 2 * time.Second, Memory: 64 << 20, OpenFiles: 99},
	}
	if diff := cmp.Diff(want, u.Command); diff != "" {
		t.Error(diff)
	}
	if u.Title != "Files" || len(u.Scopes) != 1 || u.Answer != time.Minute || u.Target.URL != nil || u.Path() != "/files/mcp" {
		t.Errorf("%+v", u)
	}
	want = &upstreams.Command{
		Path: "/bin/sh", Process: upstreams.ProcessSession,
		Limits: upstreams.Limits{Processes: 50, PerPerson: 5, Idle: 15 * time.Minute, Start: 30 * time.Second, Memory: 512 << 20, OpenFiles: 256},
	}
	if diff := cmp.Diff(want, f.Upstreams[1].Command); diff != "" {
		t.Error(diff)
	}
	run := u.Command.Run(u.Command.Environ([]string{"PATH=/bin", "MCPKEEP_ENCRYPTION_KEYS=k", "HOME=/root"}, map[string]string{"MCPKEEP_USER": "u"}))
	if diff := cmp.Diff([]string{"EMPTY=", "HOME=/", "LOG_LEVEL=info", "MCPKEEP_USER=u", "PATH=/bin", "TOKEN=" + secret, "USER=1000"}, run.Env); diff != "" {
		t.Error(diff)
	}
	if run.Memory != 64<<20 || run.OpenFiles != 99 || run.Dir != "/" || run.User == nil {
		t.Errorf("%+v", run)
	}
}

// TestCommandRefused: what does not fit together is one line with its place and without values.
func TestCommandRefused(t *testing.T) {
	t.Parallel()
	const at = "mcpServers:\n  a:\n    command: sh\n    "
	for name, tt := range map[string]struct{ text, want string }{
		"url too":             {at + "url: http://h/mcp\n", "f.yaml:3:5: the server has a url as well; want url or command, not both"},
		"http":                {at + "type: http\n", "f.yaml:4:11: the server has a command; want stdio"},
		"stdio with url":      {"mcpServers:\n  a:\n    url: http://h/mcp\n    transport: stdio\n", "f.yaml:4:16: the server has a url; want http, "},
		"args with url":       {"mcpServers:\n  a:\n    url: http://h/mcp\n    args: [x]\n", "f.yaml:4:5: args has no meaning for a server with a url"},
		"limits with url":     {"mcpServers:\n  a:\n    url: http://h/mcp\n    limits: {idle: 1m}\n", "f.yaml:4:5: limits has no meaning"},
		"headers":             {at + "headers: {A: b}\n", "f.yaml:4:5: headers has no meaning for a server with a command"},
		"identity":            {at + "identity: none\n", "f.yaml:4:5: identity has no meaning"},
		"connect":             {at + "timeout: {answer: 1m, connect: 1s}\n", "f.yaml:4:27: connect has no meaning"},
		"missing program":     {"mcpServers:\n  a:\n    command: no-such-program-here\n", "f.yaml:3:14: the command no-such-program-here is not found in PATH"},
		"missing path":        {"mcpServers:\n  a:\n    command: /no/such/program\n", "f.yaml:3:14: the command /no/such/program is not found"},
		"not executable":      {"mcpServers:\n  a:\n    command: /etc/passwd\n", "f.yaml:3:14: the command /etc/passwd is not executable"},
		"folder as program":   {"mcpServers:\n  a:\n    command: /tmp\n", "f.yaml:3:14: the command /tmp is not executable"},
		"line as program":     {"mcpServers:\n  a:\n    command: sh -c " + secret + "\n", "f.yaml:3:14: the command contains spaces; its arguments belong in args"},
		"secret as program":   {"mcpServers:\n  a:\n    command: ${KEY}\n", "f.yaml:3:14: the command is not found in PATH"},
		"empty program":       {"mcpServers:\n  a:\n    command: ''\n", "f.yaml:3:14: an empty value"},
		"number as program":   {"mcpServers:\n  a:\n    command: 5\n", "f.yaml:3:14: a number here"},
		"missing folder":      {at + "cwd: /no/such/folder\n", "f.yaml:3:14: the working directory /no/such/folder is missing"},
		"relative folder":     {at + "cwd: data\n", "f.yaml:4:10: not an absolute path"},
		"args as text":        {at + "args: -y\n", "f.yaml:4:11: text here; want a list of texts"},
		"number in args":      {at + "args: [-p, 8080]\n", "f.yaml:4:16: a number here; want text"},
		"NUL in args":         {at + "args: [\"a\\0b\"]\n", "f.yaml:4:12: a character that no program can get"},
		"missing variable":    {at + "args: [\"${NOPE}\"]\n", "f.yaml:4:12: the variable NOPE is missing"},
		"missing file":        {at + "env: {A: \"file:/no/such\"}\n", "f.yaml:4:14: /no/such: no such file"},
		"number in env":       {at + "env: {PORT: 8080}\n", "f.yaml:4:17: a number here; want text"},
		"name in env":         {at + "env: {A-B: x}\n", "f.yaml:4:11: the name of a variable"},
		"caller in env":       {at + "env: {MCPKEEP_USER: root}\n", "f.yaml:4:11: mcpkeep sets MCPKEEP_USER itself"},
		"process":             {at + "process: pool\n", "f.yaml:4:14: not known; want session, person or shared"},
		"limits of shared":    {at + "process: shared\n    limits: {idle: 1m, per_person: 2}\n", "f.yaml:5:24: per_person has no meaning with process: shared"},
		"processes of shared": {at + "limits: {processes: 2}\n    process: shared\n", "f.yaml:4:14: processes has no meaning"},
		"more for one":        {at + "limits: {processes: 2, per_person: 3}\n", "f.yaml:4:40: more for one user than for all"},
		"no processes":        {at + "limits: {processes: 0}\n", "f.yaml:4:25: not usable"},
		"no start":            {at + "limits: {start: none}\n", "f.yaml:4:21: not usable"},
		"little memory":       {at + "limits: {memory: 1MB}\n", "f.yaml:4:22: out of range"},
		"huge memory":         {at + "limits: {memory: 999999999GB}\n", "f.yaml:4:22: out of range"},
		"few files":           {at + "limits: {open_files: 5}\n", "f.yaml:4:26: too few to start a program"},
		"unknown limit":       {at + "limits: {cpu: 5}\n", "f.yaml:4:14: cpu is not known here; want one of idle, memory, "},
		"user":                {at + "user: no-such-user-here\n", "f.yaml:4:11: no such user"},
		"number as user":      {at + "user: 1000\n", "f.yaml:4:11: a number here; want the name"},
		"huge user":           {at + "user: \"4294967296:1\"\n", "f.yaml:4:11: out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuses(t, tt.text, tt.want)
		})
	}
}

// TestDisabledCommand: a disabled server need not be installed.
func TestDisabledCommand(t *testing.T) {
	t.Parallel()
	f := parse(t, "mcpServers:\n  a: {command: no-such-program-here, disabled: true}\n  b: {command: sh}\n")
	if len(f.Upstreams) != 1 || f.Upstreams[0].Name != "b" {
		t.Errorf("%+v", f)
	}
}

// TestCommandFile: arguments and variables come from files.
func TestCommandFile(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := parse(t, "mcpServers: {a: {command: sh, args: ['file:"+key+"'], env: {K: 'file:"+key+"'}}}").Upstreams[0].Command
	if !slices.Equal(c.Args, []string{secret}) || c.Env["K"] != secret {
		t.Errorf("%+v", c)
	}
}

// TestCommandUser: a name stands for its numbers, groups and home.
func TestCommandUser(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no such user")
	}
	c := parse(t, "mcpServers: {a: {command: sh, user: daemon}}").Upstreams[0].Command
	if c.User == nil || c.User.UID != 1 || c.User.GID != 1 || c.User.Name != "daemon" || c.User.Home == "" {
		t.Errorf("%+v", c.User)
	}
}

// TestEqualCommand: another argument, variable or limit is another entry.
func TestEqualCommand(t *testing.T) {
	t.Parallel()
	entry := func(more string) upstreams.Upstream {
		return parse(t, "mcpServers: {a: {command: sh"+more+"}}").Upstreams[0]
	}
	if !entry("").Equal(entry(", limits: {processes: 50}")) {
		t.Error("a default that is written down counts as another entry")
	}
	for _, more := range []string{", args: [x]", ", env: {A: b}", ", cwd: /", ", process: shared", ", limits: {idle: 1m}", ", user: '1:1'"} {
		if entry("").Equal(entry(more)) {
			t.Errorf("%s makes no difference", more)
		}
	}
}

// TestAtCommand: a command line is an upstream at /mcp.
func TestAtCommand(t *testing.T) {
	t.Parallel()
	u, err := upstreams.AtCommand("sh", []string{"-c", "x"})
	if err != nil || u.Path() != "/mcp" || u.Command.Process != upstreams.ProcessSession || u.Command.Limits.Processes != 50 || u.MaxConcurrent != upstreams.MaxConcurrent {
		t.Errorf("%+v %v", u, err)
	}
	if _, err := upstreams.AtCommand("no-such-program-here", nil); err == nil || !strings.Contains(err.Error(), "not found in PATH") {
		t.Errorf("%v", err)
	}
}
