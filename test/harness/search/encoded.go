package search

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
)

// Encoded says in which encoding a text occurs, or "".
func Encoded(hay, needle string) string {
	for name, encoded := range map[string]string{
		"plain": needle, "URL-encoded": url.QueryEscape(needle), "hexadecimal": hex.EncodeToString([]byte(needle)),
		// What stands before it shifts the alignment, of which there are three.
		"base64":     strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(needle)), "=")[:len(needle)*4/3-3],
		"base64+1":   base64.StdEncoding.EncodeToString([]byte(needle[1:]))[:(len(needle)-1)*4/3-3],
		"base64+2":   base64.StdEncoding.EncodeToString([]byte(needle[2:]))[:(len(needle)-2)*4/3-3],
		"base64url":  base64.RawURLEncoding.EncodeToString([]byte(needle))[:len(needle)*4/3-3],
		"base64url1": base64.RawURLEncoding.EncodeToString([]byte(needle[1:]))[:(len(needle)-1)*4/3-3],
		"base64url2": base64.RawURLEncoding.EncodeToString([]byte(needle[2:]))[:(len(needle)-2)*4/3-3],
	} {
		if strings.Contains(hay, encoded) {
			return name
		}
	}
	return ""
}

// Hash reports whether the hash of a secret occurs in a text, which is how a search shows that it
// can find something.
func Hash(hay string, sum [sha256.Size]byte) bool {
	return strings.Contains(hay, hex.EncodeToString(sum[:])) ||
		strings.Contains(hay, base64.RawURLEncoding.EncodeToString(sum[:])) ||
		strings.Contains(hay, base64.StdEncoding.EncodeToString(sum[:])) || strings.Contains(hay, string(sum[:]))
}
