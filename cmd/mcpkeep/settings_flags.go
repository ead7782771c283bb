package main

import "github.com/alecthomas/kong"

// settingFlags returns the flags of a command that are settings: those with a variable,
// in their order. Hidden ones are among them.
func settingFlags(model *kong.Application, command string) []*kong.Flag {
	var settings []*kong.Flag
	for _, node := range model.Children {
		if node.Name != command {
			continue
		}
		for _, flag := range node.Flags {
			if len(flag.Envs) > 0 {
				settings = append(settings, flag)
			}
		}
	}
	return settings
}
