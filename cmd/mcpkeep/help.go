package main

import (
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// helpCmd is in the list of commands; run turns it into --help before it is parsed.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"Command, such as keys rotate."`
}

// Run is never called: see helpArguments.
func (helpCmd) Run() error { return nil }

// helpArguments turns `help keys list` into `keys list --help`.
func helpArguments(args []string) []string {
	if len(args) == 0 || args[0] != "help" {
		return args
	}
	if len(args) > 1 && args[1] == "help" {
		return []string{"help", "--help"}
	}
	return append(append([]string{}, args[1:]...), "--help")
}

// printUsage prints the commands, for someone who gave none.
func printUsage(w io.Writer, model *kong.Application) {
	_, _ = fmt.Fprintf(w, "Usage: mcpkeep COMMAND [FLAGS]\n\nKeeps MCP clients signed in.\n\n")
	for _, node := range model.Children {
		if !node.Hidden {
			_, _ = fmt.Fprintf(w, "  %-12s%s\n", node.Name, node.Help)
		}
	}
	_, _ = fmt.Fprintf(w, "\nStart with `mcpkeep serve`. `mcpkeep help COMMAND` describes a command and its flags.\n")
}
