package main

import (
	"errors"
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
		if ok && len(flag.Envs) > 0 && strings.HasPrefix(text, "--"+flag.Name+":") {
			found = flag.Envs[0] + " (--" + flag.Name + "):" + strings.TrimPrefix(text, "--"+flag.Name+":")
		}
		return next(nil)
	})
	if found != "" {
		return errors.New(found)
	}
	return err
}

// oneLine folds a text into one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
