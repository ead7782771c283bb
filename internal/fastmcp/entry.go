package fastmcp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// compoundSeparator is between collection and key where a store has one name for both.
const compoundSeparator = "::"

// CutCompound splits the name of a row, such as "mcp-jti-mappings::KEY", as the Redis and disk
// stores of py-key-value have them.
func CutCompound(name string) (collection, key string, ok bool) {
	collection, key, ok = strings.Cut(name, compoundSeparator)
	return collection, key, ok && collection != "" && key != ""
}

// DecodeEntry reads what py-key-value writes for a row (its ManagedEntry) where the store has
// no columns. The collection and the key are those of the store. The error wraps ErrRow.
func DecodeEntry(data []byte, collection, key string) (Row, error) {
	var entry struct {
		Value     json.RawMessage `json:"value"`
		CreatedAt *string         `json:"created_at"`
		ExpiresAt *string         `json:"expires_at"`
	}
	row := Row{Collection: collection, Key: key}
	if err := json.Unmarshal(data, &entry); err != nil || len(entry.Value) == 0 || string(entry.Value) == "null" {
		return row, fmt.Errorf("%w: not an entry of py-key-value", ErrRow)
	}
	row.Value = entry.Value
	for _, t := range []struct {
		text *string
		at   *time.Time
	}{{entry.CreatedAt, &row.CreatedAt}, {entry.ExpiresAt, &row.ExpiresAt}} {
		if t.text == nil {
			continue
		}
		at, err := time.Parse(time.RFC3339, *t.text)
		if err != nil {
			return row, fmt.Errorf("%w: a time is malformed", ErrRow)
		}
		*t.at = at
	}
	return row, nil
}

// NamedFor reports whether a file or directory has the name that py-key-value gives to a key
// or a collection: the text itself, or one that is safe in a file system and ends in a hash.
func NamedFor(name, text string) bool {
	sum := sha256.Sum256([]byte(text))
	return name == text || strings.HasPrefix(name, "S_") && strings.HasSuffix(name, "-"+hex.EncodeToString(sum[:])[:8])
}

// keyMembers are the members that hold a row's key. The rows of refresh tokens have none.
var keyMembers = map[string]string{
	ClientCollection: "client_id", SessionCollection: "upstream_token_id", MappingCollection: "jti",
	CodeCollection: "code", TransactionCollection: "txn_id",
}

// KeyIn returns the key that a row itself says it has, for a store that does not: "" for
// none.
func KeyIn(collection string, plaintext []byte) string {
	var members map[string]json.RawMessage
	var key string
	if json.Unmarshal(plaintext, &members) != nil || json.Unmarshal(members[keyMembers[collection]], &key) != nil {
		return ""
	}
	return key
}
