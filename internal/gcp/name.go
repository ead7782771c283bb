package gcp

import (
	"errors"
	"regexp"
	"strings"
)

// Prefix marks a value that names a version of a secret.
const Prefix = "gcpsecret:"

// WantName says what ParseName accepts.
const WantName = "gcpsecret:projects/PROJECT/secrets/NAME/versions/VERSION, or with locations/LOCATION before secrets"

// nameForm is a version's resource name, global or regional. The parts are its project, its
// location if there is one, its secret, and the version. A bound for each part would make it
// a thousand times as large.
var nameForm = regexp.MustCompile(`^projects/([a-z0-9.:-]+)(?:/locations/([a-z0-9-]+))?/secrets/([A-Za-z0-9_-]+)/versions/([0-9]+|[A-Za-z][A-Za-z0-9_-]*)$`)

// longestName is more than Google's bounds for the parts allow together.
const longestName = 512

// Name is the resource name of a secret's version.
type Name struct {
	text     string
	location string // "" for a global secret
	Project  string
	Secret   string
	Version  string // a number, an alias or "latest"
}

// String returns the name as it was given.
func (n Name) String() string { return n.text }

// ParseName reads the name of a version without Prefix.
func ParseName(text string) (Name, error) {
	parts := nameForm.FindStringSubmatch(text[:min(len(text), longestName)])
	switch {
	case parts != nil && len(text) <= longestName:
		return Name{text: text, Project: parts[1], location: parts[2], Secret: parts[3], Version: parts[4]}, nil
	case !strings.Contains(text, "/versions/"):
		return Name{}, errors.New("the name of the secret has no version")
	}
	return Name{}, errors.New("not the name of a secret's version")
}

// origin is where Secret Manager has the secret.
func (n Name) origin() string {
	if n.location == "" {
		return "https://secretmanager.googleapis.com"
	}
	return "https://secretmanager." + n.location + ".rep.googleapis.com"
}
