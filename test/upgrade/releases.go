package upgrade

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed releases.txt
var list string

// Releases returns the revisions that releases.txt names.
func Releases() ([]string, error) { return Parse(list) }

var revision = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._~^/-]*$`)

// Parse reads a list of revisions, one per line. A comment runs from # to the end of
// its line. Returns an error that names the first line with anything else, or with a
// revision that an earlier line names.
func Parse(text string) ([]string, error) {
	var releases []string
	seen := make(map[string]bool)
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case !revision.MatchString(line):
			return nil, fmt.Errorf("line %d: %q is not a commit or tag", n+1, line)
		case seen[line]:
			return nil, fmt.Errorf("line %d: %s is listed twice", n+1, line)
		default:
			seen[line] = true
			releases = append(releases, line)
		}
	}
	return releases, nil
}
