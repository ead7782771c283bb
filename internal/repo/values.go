package repo

import (
	"crypto/rand"
	"strings"
)

// newID returns a random identifier of at least 128 bits.
func newID(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()) }

// optional is nil for an empty string, for columns where NULL means none.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
