package fastmcp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Why a value does not open. The texts are fixed and hold nothing of the value.
var (
	// ErrCorrupted: the value is not an envelope as py-key-value writes it
	// (its CorruptedDataError).
	ErrCorrupted = errors.New("corrupted envelope")
	// ErrDecrypt: the envelope is of a newer version, no key opens it, or what
	// is inside is not JSON (py-key-value's DecryptionError).
	ErrDecrypt = errors.New("envelope does not open")
)

// Cipher seals and opens Fernet tokens. Its errors must hold no secrets.
type Cipher interface {
	// SealShared seals a plaintext as Python's Fernet does.
	SealShared(plaintext []byte) (token string, err error)
	// OpenShared opens a token as Python's MultiFernet does, and says which key did.
	OpenShared(token string) (plaintext []byte, keyID string, err error)
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
		return nil, fmt.Errorf("seal an envelope: %w", err)
	}
	return json.Marshal(envelope{Data: base64.StdEncoding.EncodeToString([]byte(token)), Version: version})
}

// Open returns the JSON inside an envelope, as py-key-value's
// FernetEncryptionWrapper does. Like there, a JSON object without encrypted data
// is returned as it is: a row from before encryption was turned on. So what
// comes back was not necessarily written by somebody with a key. The error is
// ErrCorrupted or ErrDecrypt.
func Open(c Cipher, value json.RawMessage) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil || members == nil {
		return nil, ErrCorrupted
	}
	encrypted, ok := members[dataMember]
	if !ok {
		return value, nil
	}
	supported, err := supports(members[versionMember])
	if err != nil {
		return nil, err
	}
	var data *string
	if err := json.Unmarshal(encrypted, &data); err != nil || data == nil {
		return nil, ErrCorrupted
	}
	if !supported {
		return nil, ErrDecrypt
	}
	return open(c, *data)
}

// IsSealed says whether a value is an envelope with encrypted data, readable or
// not.
func IsSealed(value json.RawMessage) bool {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(value, &members) // anything else holds no envelope
	_, sealed := members[dataMember]
	return sealed
}

func open(c Cipher, data string) ([]byte, error) {
	token, err := base64.StdEncoding.DecodeString(data)
	if err != nil || strings.ContainsAny(data, "\r\n") { // which Go's decoder skips
		return nil, ErrDecrypt
	}
	plaintext, _, err := c.OpenShared(string(token))
	if err != nil || !utf8.Valid(plaintext) || !json.Valid(plaintext) {
		return nil, ErrDecrypt
	}
	return plaintext, nil
}

// supports says whether a version is one that py-key-value opens: any integer
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
