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
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli is the command line. Every setting is a flag and a variable.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Migrate migrateCmd `cmd:"" help:"Look at the database schema, bring it up to date, or take it back."`
	Keys    keysCmd    `cmd:"" help:"Manage encryption keys."`
	Clients clientsCmd `cmd:"" help:"See, register and delete clients."`
	Grants  grantsCmd  `cmd:"" help:"See and end connections."`
	Users   usersCmd   `cmd:"" help:"See people, and keep them out."`
	Events  eventsCmd  `cmd:"" help:"Show the audit trail."`
	Doctor  doctorCmd  `cmd:"" help:"Check everything that a deployment needs, and say how to mend it."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // a person can answer questions
}

// usageError is a mistake of whoever started the program: exit status 2.
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
	exited := -1
	parser, err := kong.New(&c, kong.Name("mcpkeep"), kong.Description("Keeps MCP clients signed in."),
		kong.Writers(std.out, std.err), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(status int) { exited = status }), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(std))
	if err != nil {
		panic(err) // the structure of cli is wrong, which every test would show
	}
	ignoreEmptyVariables(parser.Model)
	command, err := parser.Parse(joinValues(parser.Model, args))
	if exited >= 0 {
		return exited // --help has printed what there is to say
	}
	if err == nil {
		err = emptyValue(command)
	}
	if err != nil {
		return report(std, usageError{nameVariable(parser.Model, err)})
	}
	err = command.Run()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted // and not what was given up for that
	}
	return report(std, err)
}

var errInterrupted = errors.New("interrupted")

// report prints an error as one line and returns the exit status.
func report(std streams, err error) int {
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintf(std.err, "mcpkeep: %s\n", oneLine(err.Error()))
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}
