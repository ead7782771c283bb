package fastmcp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"
)

// Why a value does not open. The texts are fixed and hold nothing of the value.
var (
	// ErrCorrupted: the value is not an envelope as py-key-value writes it
	// (its CorruptedDataError).
	ErrCorrupted = errors.New("corrupted envelope")
	// ErrDecrypt: the envelope has a newer version, no key opens it, or what
	// is inside is not JSON (py-key-value's DecryptionError).
	ErrDecrypt = errors.New("envelope could not be decrypted")
)

// Cipher seals and opens Fernet tokens. Its errors must hold no secrets.
type Cipher interface {
	// SealShared seals a plaintext as Python's Fernet does.
	SealShared(plaintext []byte) (token string, err error)
	// OpenShared opens a token as Python's MultiFernet does, and says which key did.
	OpenShared(token []byte) (plaintext []byte, keyID string, err error)
}

const (
	dataMember    = "__encrypted_data__"
	versionMember = "__encryption_version__"
	version       = 1
)

// envelope has its members in py-key-value's order.
type envelope struct {
	Data    string `json:"__encrypted_data__"` // standard base64 of the token, which is base64 already
	Version int    `json:"__encryption_version__"`
}

// Seal seals a plaintext, which should be a JSON object, and puts it in the
// envelope of py-key-value's FernetEncryptionWrapper.
func Seal(c Cipher, plaintext []byte) (json.RawMessage, error) {
	token, err := c.SealShared(plaintext)
	if err != nil {
		return nil, fmt.Errorf("encrypt an envelope: %w", err)
	}
	return json.Marshal(envelope{Data: base64.StdEncoding.EncodeToString([]byte(token)), Version: version})
}

// Reseal puts a plaintext, newly sealed, in the place of what a sealed value
// holds. Members of the envelope that py-key-value does not know stay. The error
// is ErrCorrupted, or that of sealing.
func Reseal(c Cipher, value json.RawMessage, plaintext []byte) (json.RawMessage, error) {
	var members, sealed map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil || members == nil {
		return nil, ErrCorrupted
	}
	made, err := Seal(c, plaintext)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(made, &sealed); err != nil {
		return nil, err
	}
	maps.Copy(members, sealed)
	return json.Marshal(members) // in alphabetical order, which is py-key-value's
}

// Open returns the JSON inside an envelope, as py-key-value's
// FernetEncryptionWrapper does. Like there, a JSON object without encrypted data
// is returned as it is: a row from before encryption was turned on. So what
// comes back was not necessarily written by someone with a key. The error is
// ErrCorrupted or ErrDecrypt.
func Open(c Cipher, value json.RawMessage) ([]byte, error) {
	plaintext, _, err := OpenWithKey(c, value)
	return plaintext, err
}

// OpenWithKey is Open, and says which key opened the envelope: "" when the value
// is not sealed.
func OpenWithKey(c Cipher, value json.RawMessage) (plaintext []byte, keyID string, err error) {
	plaintext, keyID, err = open(c, value)
	switch {
	case err != nil:
		return nil, "", err
	case !json.Valid(plaintext) && keyID != "":
		return nil, "", ErrDecrypt
	case !json.Valid(plaintext):
		return nil, "", ErrCorrupted
	}
	return plaintext, keyID, nil
}

// OpenClient returns the client inside an envelope, and whether it was sealed there: one
// that was not can come from anyone who may write to the table. The error is ErrCorrupted
// or ErrDecrypt, or wraps ErrClient.
func OpenClient(c Cipher, value json.RawMessage) (client Client, sealed bool, err error) {
	plaintext, keyID, err := open(c, value)
	if err != nil {
		return Client{}, false, err
	}
	client, err = DecodeClient(plaintext)
	return client, keyID != "", err
}

// IsSealed reports whether a value is an envelope with encrypted data, readable or
// not.
func IsSealed(value json.RawMessage) bool {
	pairs, _ := pairsOf(nil, value) // anything else holds no envelope
	return has(pairs, []byte(dataMember))
}

// open returns what is inside an envelope and which key opened it, or the value
// if it is none. That it is JSON is not checked.
func open(c Cipher, value json.RawMessage) (plaintext []byte, keyID string, err error) {
	var room [4]pair
	pairs, err := pairsOf(room[:0], value)
	if err != nil {
		return nil, "", ErrCorrupted
	}
	var data, version []byte
	for _, p := range pairs {
		switch string(p.name) {
		case dataMember:
			data = p.value
			continue
		case versionMember:
			version = p.value
		}
		if !json.Valid(p.value) {
			return nil, "", ErrCorrupted
		}
	}
	if data == nil {
		return value, "", nil
	}
	supported, err := supports(version)
	if err != nil {
		return nil, "", err
	}
	token, err := tokenOf(data)
	if err == nil && !supported {
		err = ErrDecrypt
	}
	if err != nil {
		return nil, "", err
	}
	plaintext, keyID, err = c.OpenShared(token)
	if err != nil || !utf8.Valid(plaintext) {
		return nil, "", ErrDecrypt
	}
	return plaintext, keyID, nil
}

// tokenOf returns the Fernet token that a JSON text is the base64 of.
func tokenOf(text []byte) ([]byte, error) {
	if end := len(text) - 1; end > 0 && text[0] == '"' && text[end] == '"' {
		if token, ok := decodeToken(text[1:end]); ok { // then it has no escapes either
			return token, nil
		}
	}
	var unescaped *string
	if err := json.Unmarshal(text, &unescaped); err != nil || unescaped == nil {
		return nil, ErrCorrupted
	}
	if token, ok := decodeToken([]byte(*unescaped)); ok {
		return token, nil
	}
	return nil, ErrDecrypt
}

func decodeToken(data []byte) ([]byte, bool) {
	token := make([]byte, base64.StdEncoding.DecodedLen(len(data)))
	n, err := base64.StdEncoding.Decode(token, data)
	skipped := bytes.IndexByte(data, '\n') >= 0 || bytes.IndexByte(data, '\r') >= 0 // Go's decoder skips them
	return token[:n], err == nil && !skipped
}

// supports reports whether a version is one that py-key-value opens: any integer
// that is not greater than its own. To Python true and false are integers.
func supports(raw json.RawMessage) (bool, error) {
	switch text := string(raw); {
	case text == "true" || text == "false":
		return true, nil
	case text == "" || strings.Trim(text, "-0123456789") != "": // absent, no number, or with a fraction
		return false, ErrCorrupted
	default:
		return strings.HasPrefix(text, "-") || text == "0" || text == "1", nil
	}
}
