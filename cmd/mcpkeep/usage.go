package main

import (
	"errors"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// nameVariable adds the environment variable to an error about a flag, since
// the value may well have come from there.
func nameVariable(app *kong.Application, err error) error {
	text := err.Error()
	var found string
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		flag, ok := node.(*kong.Flag)
		if !ok || len(flag.Envs) == 0 {
			return next(nil)
		}
		rest, ok := strings.CutPrefix(text, "--"+flag.Name)
		if ok && strings.IndexAny(rest, ": ") == 0 {
			found = flag.Envs[0] + " (--" + flag.Name + "): " + strings.TrimLeft(rest, ": ")
		}
		return next(nil)
	})
	if strings.Contains(found, "expected duration") {
		found += "; want one such as 1h, 90m or 30s"
	}
	if found != "" {
		return errors.New(found)
	}
	return err
}

// ignoreEmptyVariables unsets the variables of ours that are set to nothing:
// deployments often pass on all of them, with or without a value.
func ignoreEmptyVariables(app *kong.Application) {
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				if os.Getenv(name) == "" {
					_ = os.Unsetenv(name)
				}
			}
		}
		return next(nil)
	})
}

// oneLine folds a text into one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
