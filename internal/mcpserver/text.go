package mcpserver

import (
	"fmt"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// Lengths in runes of what others chose.
const (
	maxName = 80
	maxID   = 2048
	maxURI  = 2048
)

// clean makes a text fit to be shown in one line. Names and URIs come from client
// registrations, that is from anyone.
func clean(s string, limit int) string { return display.Line(s, limit) }

// cleanAll is clean for a list. It is never nil, which would be null in JSON.
func cleanAll(list []string, limit int) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, clean(s, limit))
	}
	return out
}

// claim is what a client without a name calls itself, "" for one that has a name.
func claim(name, claimed string) string {
	if name != "" {
		return ""
	}
	return clean(claimed, maxName)
}

// label names a client for a person. The quotes keep the name apart from our
// own words.
func label(name, claimed, id string) string {
	switch {
	case name != "":
		return fmt.Sprintf("%q (client %q)", name, id)
	case claimed != "":
		return fmt.Sprintf("unnamed app that calls itself %q (client %q)", claimed, id)
	}
	return fmt.Sprintf("unnamed app (client %q)", id)
}

// scopes splits a scope value (RFC 6749 §3.3). It is never nil.
func scopes(scope string) []string { return cleanAll(strings.Fields(scope), maxName) }

// stamp formats a time (RFC 3339, UTC, whole seconds); "" when it is unknown.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// or returns s, or what stands for it when it is empty.
func or(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}

// displayName is what to call a person.
func displayName(u storage.User) string {
	name, login := clean(u.Name, maxName), clean(u.Login, maxName)
	switch {
	case name != "" && login != "":
		return fmt.Sprintf("%q (%q)", name, login)
	case name != "" || login != "":
		return fmt.Sprintf("%q", name+login)
	}
	return "an unnamed user"
}

// lines builds a text line by line.
type lines struct{ strings.Builder }

func (l *lines) add(format string, args ...any) {
	if l.Len() > 0 {
		l.WriteByte('\n')
	}
	fmt.Fprintf(&l.Builder, format, args...)
}
