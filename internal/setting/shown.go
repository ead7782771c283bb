package setting

import (
	"regexp"
	"strings"
	"unicode"
)

// NotShown stands for a value in which a secret may be.
const NotShown = "(not shown)"

// longestPath is that of Linux, in bytes.
const longestPath = 4096

// likeKey is what a Fernet key looks like, with its padding or without.
var likeKey = regexp.MustCompile(`^(?:[A-Za-z0-9_+/-]{43}=|[A-Za-z0-9_+-]{43})$`)

// Shown returns a value that is no secret by its name for a message: as it is, or
// NotShown if a secret may have ended up in it, such as a URL with a password.
func Shown(value string) string {
	hasUser := strings.Contains(value, "@") && strings.Contains(value, ":")
	if isURL := strings.Contains(value, "://"); hasUser || !isURL && !IsPath(value) {
		return NotShown
	}
	return value
}

// IsPath reports whether a value can be the path of a file, and is not the content of one
// or a URL: those are a mistake that must not end up in a message.
func IsPath(value string) bool {
	return value != "" && len(value) <= longestPath && !strings.Contains(value, "://") && !strings.HasPrefix(value, "-----BEGIN") &&
		!strings.ContainsFunc(value, unicode.IsControl) && !likeKey.MatchString(value)
}
