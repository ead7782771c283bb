package db

import (
	"regexp"
	"slices"
	"strings"
)

// tidyError is the driver's error of a connection attempt in one line that says each thing
// once: the driver tries every address with and without TLS, and names it twice each time.
type tidyError struct{ error }

// dialed finds what the driver says of an attempt: the address, the name that led there,
// and the address again.
var dialed = regexp.MustCompile(`^(\S+) \((\S*)\): dial error: dial \S+ \S+: `)

// Error implements error.
func (e tidyError) Error() string {
	var parts []string
	for line := range strings.SplitSeq(e.error.Error(), "\n") {
		line = strings.TrimSpace(line)
		prefix, rest, found := strings.Cut(line, "`: ") // of the first line, if there is only one
		if !found {
			prefix, rest = "", line
		} else {
			prefix += "`: "
		}
		line = prefix + dialed.ReplaceAllStringFunc(rest, func(text string) string {
			found := dialed.FindStringSubmatch(text)
			if strings.HasPrefix(found[1], found[2]+":") || strings.HasPrefix(found[1], "["+found[2]+"]:") {
				return found[1] + ": "
			}
			return found[1] + " (" + found[2] + "): "
		})
		if line != "" && !slices.Contains(parts, line) {
			parts = append(parts, line)
		}
	}
	if len(parts) > 1 && strings.HasSuffix(parts[0], ":") {
		parts = append([]string{parts[0] + " " + parts[1]}, parts[2:]...)
	}
	return strings.Join(parts, "; ")
}

// Unwrap returns the driver's error.
func (e tidyError) Unwrap() error { return e.error }
