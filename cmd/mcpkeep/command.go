package main

import (
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// takeCommand is a command of ours that takes another one after "--".
type takeCommand interface{ takeCommand(args []string) }

// takers are the names of those commands.
var takers = []string{"serve", "doctor"}

// splitCommand separates the arguments of mcpkeep from a command after "--"; nil if there is none.
func splitCommand(args []string) (own, command []string) {
	i := slices.Index(args, "--")
	if i < 1 || !slices.Contains(takers, args[0]) {
		return args, nil
	}
	return args[:i], append([]string{}, args[i+1:]...)
}

// takeCommand notes the command of a server that speaks stdio.
func (f *serveFlags) takeCommand(args []string) { f.Command = args }

// atCommand returns the upstream that the command line names.
func (f *serveFlags) atCommand() (upstreams.File, error) {
	for variable, value := range map[string]string{"MCPKEEP_UPSTREAM": f.Upstream, "MCPKEEP_CONFIG": f.Config} {
		if setting.Trim(value) != "" {
			return upstreams.File{}, setting.Errorf(variable, "this or a command after --, not both", "a command after -- is given too")
		}
	}
	if len(f.Command) == 0 || f.Command[0] == "" {
		return upstreams.File{}, usagef("the command after -- is missing")
	}
	u, err := upstreams.AtCommand(f.Command[0], f.Command[1:])
	if err != nil {
		return upstreams.File{}, usageError{err}
	}
	return upstreams.File{Upstreams: []upstreams.Upstream{u}}, nil
}
