package keyring

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// misspelled says how a text differs from a Fernet key when it has one in it, as it
// comes from Python's shell, a .env file or another tool. It quotes nothing of the text.
func misspelled(text string) error {
	inner := strings.Trim(text, "\"'`“”‘’")
	switch {
	case strings.HasPrefix(text, "b'") || strings.HasPrefix(text, `b"`):
		return errors.New("written as Python's bytes, b'…'; leave out the b and the quotes")
	case inner != text:
		return errors.New("in quotes; leave them out")
	case strings.ContainsAny(text, "[]{}()"):
		return errors.New("in brackets; separate keys by commas only")
	case strings.ContainsFunc(text, unicode.IsSpace):
		return errors.New("has white space inside; separate keys by commas")
	case len(text) == 2*keyBytes && onlyOf(text, "0123456789abcdefABCDEF"):
		return errors.New("in hexadecimal; want 32 bytes in URL-safe base64, as `mcpkeep keys generate` prints them")
	case !onlyOf(strings.TrimRight(text, "="), base64Letters):
		return errors.New("has characters that are not in the alphabet of URL-safe base64: letters, digits, - and _")
	case len(text) == keyTextLen-1 && !strings.HasSuffix(text, "="):
		return fmt.Errorf("without padding; append the = that makes it %d characters long", keyTextLen)
	case len(text) != keyTextLen:
		return fmt.Errorf("%d characters long; want the %d of a Fernet key", len(text), keyTextLen)
	}
	return nil
}

const (
	keyBytes = 32
	// base64Letters are those of both alphabets: Python's Fernet takes either.
	base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"
)

func onlyOf(text, letters string) bool { return strings.Trim(text, letters) == "" }
