package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// ignoreEmptyVariables unsets empty variables of mcpkeep: deployments often pass all of
// them, with or without a value. White space is no value.
func ignoreEmptyVariables(app *kong.Application) {
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				if setting.Trim(os.Getenv(name)) == "" {
					_ = os.Unsetenv(name)
				}
			}
		}
		return next(nil)
	})
}

// emptyValue rejects an empty flag that is not a setting: a script with an unset variable
// must not end all users' connections to an app instead of those of one user
// (grants revoke --user "$WHO" --client ID).
func emptyValue(command *kong.Context) error {
	for _, given := range command.Path {
		f := given.Flag
		if f != nil && len(f.Envs) == 0 && f.Target.Kind() == reflect.String && f.Target.String() == "" {
			return badFlag("--"+f.Name, f.FormatPlaceHolder(), "is empty")
		}
	}
	return nil
}

// joinValues joins a flag and a value that begins with a hyphen into one argument: one in
// 64 Fernet keys does, and kong would take it for a flag and print it.
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

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// withoutValues returns an error about the arguments that repeats none but plain words: a
// database URL may have lost its flag.
func withoutValues(err error, args []string) error {
	var known *setting.Error
	if errors.As(err, &known) {
		return err
	}
	text := err.Error()
	for _, arg := range args {
		if _, value, isFlag := strings.Cut(arg, "="); isFlag && strings.HasPrefix(arg, "-") {
			arg = value
		}
		if arg != "" && !plainWord.MatchString(arg) {
			text = strings.ReplaceAll(text, arg, setting.NotShown)
		}
	}
	return errors.New(text)
}

// badFlag returns an error about a flag that has no variable.
func badFlag(flag, want, format string, args ...any) error {
	return &setting.Error{Flag: flag, Want: want, Problem: fmt.Sprintf(format, args...)}
}

// oneLine folds a text into one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
