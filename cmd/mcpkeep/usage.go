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

// oneLine folds a text into one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
