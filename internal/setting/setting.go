package setting

import (
	"fmt"
	"strings"
)

// Error is a setting that cannot be used. It never holds a secret.
type Error struct {
	Variable string // environment variable, such as MCPKEEP_LISTEN; "" if it has none
	Flag     string // such as --listen; "" if it is a variable only
	Problem  string // what is wrong with the value
	Want     string // what is accepted; "" if Problem says it
}

// Errorf returns an error about the setting of an environment variable. The format
// and its arguments make the problem; want may be empty.
func Errorf(variable, want, format string, args ...any) *Error {
	return &Error{Variable: variable, Flag: flagOf(variable), Problem: fmt.Sprintf(format, args...), Want: want}
}

// Name returns the variable with its flag in parentheses, or the one that there is.
func (e *Error) Name() string {
	switch {
	case e.Variable == "":
		return e.Flag
	case e.Flag == "":
		return e.Variable
	}
	return e.Variable + " (" + e.Flag + ")"
}

// What returns the setting and its problem, without what is accepted.
func (e *Error) What() string { return e.Name() + ": " + e.Problem }

// Error implements error in one sentence.
func (e *Error) Error() string {
	if e.Want == "" {
		return e.What()
	}
	return e.What() + "; want " + e.Want
}

// flagOf returns the flag of a variable, "" for the two that have none: arguments are
// visible to every user of the machine, and PORT is set by platforms.
func flagOf(variable string) string {
	if variable == "PORT" || variable == "MCPKEEP_LOCAL_PASSWORD" {
		return ""
	}
	return "--" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, "MCPKEEP_"), "_", "-"))
}
