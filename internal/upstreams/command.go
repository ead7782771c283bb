package upstreams

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/mcpkeep/mcpkeep/internal/process"
)

// Command is an MCP server that speaks stdio.
type Command struct {
	Path    string
	Args    []string
	Env     map[string]string
	Dir     string // "" for that of mcpkeep
	Unnamed bool   // program or directory come from variables or files, which no message shows
	Process string // one of the Process constants
	User    *process.Credential
	Limits  Limits
}

// Which requests share a process.
const (
	ProcessSession = "session" // those of an MCP session
	ProcessPerson  = "person"  // those of a user with a client
	ProcessShared  = "shared"  // all
)

// Limits are those of the processes of a command.
type Limits struct {
	Processes int           // that run concurrently
	PerPerson int           // of those of one user
	Idle      time.Duration // after which a process without requests ends; 0 for never
	Start     time.Duration // until a process answers
	Memory    int64         // bytes of the data segment of each (Linux); 0 for no limit
	OpenFiles int           // of each; 0 for that of mcpkeep
}

// defaultLimits are those of a command that a file says nothing else about.
func defaultLimits() Limits {
	return Limits{Processes: 50, PerPerson: 5, Idle: 15 * time.Minute, Start: 30 * time.Second, Memory: 512 << 20, OpenFiles: 256}
}

// AtCommand returns the upstream that a command line names: one without a file.
func AtCommand(path string, args []string) (Upstream, error) {
	u := withDefaults(DefaultName)
	u.Command = &Command{Path: path, Args: args, Process: ProcessSession, Limits: defaultLimits()}
	return u, u.Command.Check()
}

// Run is what starts a process, in an environment that Environ returns.
func (c *Command) Run(env []string) process.Command {
	return process.Command{
		Path: c.Path, Args: c.Args, Env: env, Dir: c.Dir, Memory: c.Limits.Memory, OpenFiles: uint64(max(c.Limits.OpenFiles, 0)), User: c.User,
		Unnamed: c.Unnamed,
	}
}

// Check says why a process cannot be started, as far as that can be known without starting one.
func (c *Command) Check() error { return process.Check(c.Run(c.Environ(os.Environ(), nil))) }

// Environ is the environment of a process; base is that of mcpkeep.
func (c *Command) Environ(base []string, identity map[string]string) []string {
	return process.Environ(base, c.User, c.Env, identity)
}

// commandKeys are the keys of an upstream with a command.
func (r *reader) commandKeys(c *Command) keys {
	return keys{
		"command": func(_, n *yaml.Node) { c.Path = r.program(n, c) },
		"args":    func(_, n *yaml.Node) { c.Args = r.arguments(n) },
		"env":     func(_, n *yaml.Node) { c.Env = r.environment(n) },
		"cwd":     func(_, n *yaml.Node) { c.Dir = r.folder(n, c) },
		"process": func(_, n *yaml.Node) { c.Process = r.choice(n, ProcessSession, ProcessPerson, ProcessShared) },
		"limits":  func(_, n *yaml.Node) { r.limits(n, &c.Limits) },
		"user":    func(_, n *yaml.Node) { c.User = r.user(n) },
	}
}

const (
	mostProcesses = 10_000
	leastMemory   = 16 << 20
	mostMemory    = 1 << 40
	leastFiles    = 16
	mostFiles     = 1_000_000
)

func (r *reader) limits(n *yaml.Node, l *Limits) {
	r.object(n, "an object with limits", keys{
		"processes":  func(_, n *yaml.Node) { l.Processes = r.count(n, mostProcesses) },
		"per_person": func(_, n *yaml.Node) { l.PerPerson = r.count(n, mostProcesses) },
		"idle":       func(_, n *yaml.Node) { l.Idle = r.limit(n, true) },
		"start":      func(_, n *yaml.Node) { l.Start = r.limit(n, false) },
		"memory":     func(key, n *yaml.Node) { l.Memory = r.memory(key, n) },
		"open_files": func(_, n *yaml.Node) { l.OpenFiles = r.openFiles(n) },
	})
}

// memory reads the limit for a process's memory.
func (r *reader) memory(key, n *yaml.Node) int64 {
	if runtime.GOOS != "linux" {
		r.warn(key, "memory has an effect only on Linux")
	}
	if isNone(n) {
		return 0
	}
	return r.sizeIn(n, leastMemory, mostMemory, "a size such as 512MB or 2GB, from 16MB to 1024GB, or none")
}

func (r *reader) openFiles(n *yaml.Node) int {
	if isNone(n) {
		return 0
	}
	count := r.count(n, mostFiles)
	if count < leastFiles {
		r.fail(n, "a whole number from "+strconv.Itoa(leastFiles)+" on, or none", "too few to start a program")
	}
	return count
}

func isNone(n *yaml.Node) bool {
	n = resolved(n)
	return n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.TrimSpace(n.Value) == "none"
}
