package brand

import (
	"errors"
	"net/mail"
	"net/url"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/display"
)

// Errors of names and links.
var (
	ErrHidden = errors.New("has characters that cannot be seen, or that reorder others")
	ErrWords  = errors.New("reads like what the pages say of an app")
	ErrLink   = errors.New("not usable")
)

// reserved are words by which the pages judge an app.
var reserved = []string{"verified", "published by", "vouches"}

// CheckName refuses a name of the server that hides something, or that could pass for a
// sentence of the consent page.
func CheckName(name string) error {
	if display.Line(name, len(name)) != name {
		return ErrHidden
	}
	letters := display.Skeleton(name)
	for _, words := range reserved {
		if strings.Contains(letters, display.Skeleton(words)) {
			return ErrWords
		}
	}
	return nil
}

// ParseLink returns an https URL in its plain spelling.
func ParseLink(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(text) > maxLink {
		return "", ErrLink
	}
	return u.String(), nil
}

// maxLink bounds a link.
const maxLink = 500

// ParseSupport returns the link to a mail address or an https URL, and how it is shown.
func ParseSupport(text string) (link, shown string, err error) {
	if strings.Contains(text, ":") {
		link, err = ParseLink(text)
		return link, link, err
	}
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text || len(text) > maxLink || !isPlainAddress(text) {
		return "", "", ErrLink
	}
	return (&url.URL{Scheme: "mailto", Opaque: url.PathEscape(text)}).String(), text, nil
}

// isPlainAddress reports whether a mail address means the same everywhere: visible ASCII
// without quotes, and a domain.
func isPlainAddress(text string) bool {
	_, domain, _ := strings.Cut(text, "@")
	return strings.Contains(domain, ".") && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"<>()[]\,;:?&#%/`, r)
	})
}
