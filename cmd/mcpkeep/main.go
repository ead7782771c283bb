// Command mcpkeep keeps MCP clients signed in: an OAuth 2.1 authorization
// server, the gate in front of an MCP endpoint, and an MCP server.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPending = 3 // migrate status --check: a migration is missing
)

// cli is the command line. Every setting is a flag and a variable.
type cli struct {
	Serve    serveCmd    `cmd:"" help:"Run the server."`
	Migrate  migrateCmd  `cmd:"" help:"Inspect, upgrade or roll back the database schema."`
	Keys     keysCmd     `cmd:"" help:"Manage encryption keys."`
	Clients  clientsCmd  `cmd:"" help:"List, register and delete clients."`
	Grants   grantsCmd   `cmd:"" help:"List and end connections."`
	Tokens   tokensCmd   `cmd:"" help:"Make, list and end tokens for scripts."`
	Users    usersCmd    `cmd:"" help:"List, disable and enable users."`
	Events   eventsCmd   `cmd:"" help:"Show the audit trail."`
	Clean    cleanCmd    `cmd:"" help:"Remove what has expired, as servers do from time to time."`
	Adopt    adoptCmd    `cmd:"" help:"Report on the sessions of a FastMCP server, or take them over in bulk."`
	Config   configCmd   `cmd:"" help:"Check the file that names the MCP servers to protect."`
	Settings settingsCmd `cmd:"" help:"Show each setting, its value and where it comes from."`
	Doctor   doctorCmd   `cmd:"" help:"Check the deployment and suggest fixes."`
	Help     helpCmd     `cmd:"" help:"Describe a command and its flags."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	Completion  completionCmd `cmd:"" help:"Print a completion script for bash, zsh or fish."`
	ShowVersion versionFlag   `name:"version" help:"Print the version."`
}

// streams holds the input and outputs of a command.
type streams struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // a user can answer prompts
}

// usageError is a mistake on the command line: exit status 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: term.IsTerminal(int(os.Stdin.Fd()))})
	stop()
	os.Exit(status)
}

// run runs one command and returns the exit status.
func run(ctx context.Context, args []string, std streams) int {
	var c cli
	var bad badValue
	exited := -1
	parser, err := kong.New(&c, kong.Name("mcpkeep"), kong.Description("Keeps MCP clients signed in."),
		kong.Writers(std.out, std.err), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(status int) { exited = status }), kong.ValueFormatter(describe), bad.mappers(), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(std))
	if err != nil {
		panic(err) // the structure of cli is wrong, which every test would show
	}
	if len(args) > 0 && args[0] == completeWords {
		return printCandidates(std.out, candidates(parser.Model, args[1:]))
	}
	if len(args) == 0 {
		printUsage(std.err, parser.Model)
		return exitUsage
	}
	arrange(parser.Model)
	ignoreEmptyVariables(parser.Model)
	own, behind := splitCommand(args)
	command, err := parser.Parse(joinValues(parser.Model, helpArguments(own)))
	if exited >= 0 {
		return exited // --help or --version has printed everything
	}
	if err == nil {
		err = emptyValue(command)
	}
	if err != nil {
		return report(std, usageError{withoutValues(bad.instead(err), args)})
	}
	if taker, ok := selected(command).(takeCommand); ok && behind != nil {
		taker.takeCommand(behind)
	}
	if err := readFiles(command); err != nil {
		return report(std, err)
	}
	err = command.Run()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted // rather than the operation that was canceled
	}
	return report(std, err)
}

// readFiles reads the settings that a command needs from the files that they name. The
// commands that report on settings do so themselves.
func readFiles(command *kong.Context) error {
	switch c := selected(command).(type) {
	case *doctorCmd, *settingsCmd:
		return nil
	case interface{ readURL() error }:
		return c.readURL()
	}
	return nil
}

// selected is the command's structure; nil if there is none.
func selected(command *kong.Context) any {
	node := command.Selected()
	if node == nil || !node.Target.CanAddr() {
		return nil
	}
	return node.Target.Addr().Interface()
}

var errInterrupted = errors.New("interrupted")

// report prints an error as one line and returns the exit status.
func report(std streams, err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errPending) {
		return exitPending // the command has said it
	}
	var inFile *upstreams.Error
	if errors.As(err, &inFile) { // in the form that editors know
		_, _ = fmt.Fprintln(std.err, oneLine(inFile.Error()))
		return exitUsage
	}
	_, _ = fmt.Fprintf(std.err, "mcpkeep: %s\n", oneLine(err.Error()))
	var bad *setting.Error
	var usage usageError
	if errors.As(err, &bad) || errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}
