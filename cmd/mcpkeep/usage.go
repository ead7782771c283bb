package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
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

// emptyValue refuses a flag that was given and is empty, unless it is a setting: a
// script whose variable is unset must not end everybody's connections with an app where
// it means one person's (grants revoke --user "$WHO" --client ID).
func emptyValue(command *kong.Context) error {
	for _, given := range command.Path {
		f := given.Flag
		if f != nil && len(f.Envs) == 0 && f.Target.Kind() == reflect.String && f.Target.String() == "" {
			return fmt.Errorf("--%s: is empty; want %s", f.Name, f.FormatPlaceHolder())
		}
	}
	return nil
}

// joinValues writes a flag and a value that begins with a hyphen as one argument:
// one of 64 Fernet keys does, and kong would take it for a flag and print it.
func joinValues(app *kong.Application, args []string) []string {
	takesValue := make(map[string]bool)
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			takesValue["--"+flag.Name], takesValue["--no-"+flag.Name] = !flag.IsBool(), false
			if flag.Short != 0 {
				takesValue["-"+string(flag.Short)] = false
			}
		}
		return next(nil)
	})
	var joined []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if takesValue[arg] && i+1 < len(args) && strings.HasPrefix(args[i+1], "-") {
			name, _, _ := strings.Cut(args[i+1], "=")
			if _, isFlag := takesValue[name]; !isFlag {
				i++
				arg += "=" + args[i]
			}
		}
		joined = append(joined, arg)
	}
	return joined
}

// oneLine folds a text into one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
