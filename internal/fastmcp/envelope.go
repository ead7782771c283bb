package fastmcp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// ClientCollection is the collection that FastMCP keeps clients in.
const ClientCollection = "mcp-oauth-proxy-clients"

// ClientKey returns the key of a client's row.
func ClientKey(clientID string) string { return ClientCollection + ":" + clientID }

// ClientID returns the client id of a row's key; ok is false for another
// collection's row.
func ClientID(key string) (id string, ok bool) { return strings.CutPrefix(key, ClientCollection+":") }

// Cipher seals and opens bare Fernet tokens.
type Cipher interface {
	SealShared(plaintext []byte) (token string, err error)
	OpenShared(token string) (plaintext []byte, keyID string, err error)
}

var (
	// ErrCorrupted: the value is no envelope that py-key-value writes.
	ErrCorrupted = errors.New("corrupted envelope")
	// ErrDecrypt: the envelope does not open with any key.
	ErrDecrypt = errors.New("envelope does not open")
)

const (
	dataMember      = "__encrypted_data__"
	versionMember   = "__encryption_version__"
	envelopeVersion = 1
)

// envelope is py-key-value's wrapper around a Fernet token, which it encodes a
// second time.
type envelope struct {
	Data    string `json:"__encrypted_data__"`
	Version int    `json:"__encryption_version__"`
}

// Seal wraps a plaintext as py-key-value's FernetEncryptionWrapper does.
func Seal(c Cipher, plaintext []byte) (json.RawMessage, error) {
	token, err := c.SealShared(plaintext)
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope{Data: base64.StdEncoding.EncodeToString([]byte(token)), Version: envelopeVersion})
}

// Open unwraps a value. A value without encrypted data is returned as it is,
// which is how py-key-value reads rows from before encryption. The error is
// ErrCorrupted or ErrDecrypt and holds nothing of the value.
func Open(c Cipher, value json.RawMessage) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil || members == nil {
		return nil, ErrCorrupted
	}
	encrypted, ok := members[dataMember]
	if !ok {
		return value, nil
	}
	version, err := versionOf(members[versionMember])
	if err != nil {
		return nil, err
	}
	var data string
	if isNull(encrypted) || json.Unmarshal(encrypted, &data) != nil {
		return nil, ErrCorrupted
	}
	token, err := base64.StdEncoding.DecodeString(data)
	if err != nil || version > envelopeVersion || strings.ContainsAny(data, "\r\n") {
		return nil, ErrDecrypt
	}
	plaintext, _, err := c.OpenShared(string(token))
	if err != nil || !json.Valid(plaintext) {
		return nil, ErrDecrypt
	}
	return plaintext, nil
}

// versionOf reads the version as Python does, to which true is the number one.
func versionOf(raw json.RawMessage) (int, error) {
	switch string(bytes.TrimSpace(raw)) {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	}
	var version int
	if len(raw) == 0 || isNull(raw) || json.Unmarshal(raw, &version) != nil {
		return 0, ErrCorrupted
	}
	return version, nil
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }
