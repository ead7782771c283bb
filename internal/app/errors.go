package app

import (
	"errors"
	"fmt"
	"regexp"
)

// ErrOldSchema says that the schema is too old, and that migrating is not for this process.
var ErrOldSchema = errors.New("the schema is too old: run `mcpkeep migrate up`")

// SettingError is a setting that cannot be used. Problem and Want name other settings
// in braces, such as {Allow.Users}.
type SettingError struct {
	Field   string // of mcpkeep.Config, such as "Allow.Users"
	Problem string
	Want    string // what is accepted; "" when Problem says it
	// Environment: the value is well formed, but what it names cannot be used.
	Environment bool

	cause error
}

var fieldReference = regexp.MustCompile(`\{([A-Z][A-Za-z.]*)\}`)

// Error names settings as Go programs know them.
func (e *SettingError) Error() string {
	name := func(field string) string { return "Config." + field }
	problem, want := e.Text(name)
	if want != "" {
		problem += "; want " + want
	}
	return "mcpkeep: " + name(e.Field) + ": " + problem
}

// Text is the problem and what is accepted. name translates the name of each other
// setting.
func (e *SettingError) Text(name func(field string) string) (problem, want string) {
	translate := func(text string) string {
		return fieldReference.ReplaceAllStringFunc(text, func(ref string) string { return name(ref[1 : len(ref)-1]) })
	}
	return translate(e.Problem), translate(e.Want)
}

// Unwrap returns the cause, if there is one.
func (e *SettingError) Unwrap() error { return e.cause }

// problem returns a setting's error.
func problem(field, want, format string, args ...any) *SettingError {
	err := fmt.Errorf(format, args...)
	return &SettingError{Field: field, Problem: err.Error(), Want: want, cause: errors.Unwrap(err)}
}

// because is problem with a cause as the whole problem.
func because(field, want string, cause error) *SettingError {
	return problem(field, want, "%w", cause)
}

// unusable is an error of what a well-formed setting names.
func unusable(field string, cause error) *SettingError {
	e := because(field, "", cause)
	e.Environment = true
	return e
}
