package fastmcp

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Collections of FastMCP's OAuth proxy, in addition to ClientCollection.
const (
	MappingCollection     = "mcp-jti-mappings"    // by jti
	RefreshCollection     = "mcp-refresh-tokens"  // by the SHA-256 of the token, in hex
	SessionCollection     = "mcp-upstream-tokens" // by upstream_token_id
	CodeCollection        = "mcp-authorization-codes"
	TransactionCollection = "mcp-oauth-transactions"
	ConsentCollection     = "mcp-consent-csrf-tokens" // from 4.0
)

// Collections returns all collections of FastMCP's OAuth proxy, in alphabetical order.
func Collections() []string {
	return []string{
		CodeCollection, ConsentCollection, MappingCollection, ClientCollection, TransactionCollection, RefreshCollection, SessionCollection,
	}
}

// RowKey returns the key of a row in a table that has the collection in its key.
func RowKey(collection, key string) string { return collection + ":" + key }

// RefreshKey returns the key of a refresh token's row, of the SHA-256 of the token.
func RefreshKey(sum []byte) string { return hex.EncodeToString(sum) }

// ErrRow means that JSON is not the row that it should be. The errors that wrap it name
// a member at most.
var ErrRow = errors.New("not a FastMCP row")

// Mapping is a row of MappingCollection: which session a token belongs to.
type Mapping struct{ ID, SessionID string }

// DecodeMapping reads the mapping of a jti. The row says whose it is, so that one in the
// place of another is refused.
func DecodeMapping(data []byte, jti string) (Mapping, error) {
	var m Mapping
	err := decodeRow(data, fields{"jti": &m.ID, "upstream_token_id": &m.SessionID})
	if err == nil && (m.ID != jti || m.SessionID == "") {
		err = fmt.Errorf("%w: it belongs to another jti", ErrRow)
	}
	return m, err
}

// IssuedAt returns when a token was issued, by its mapping; zero if that does not say.
func IssuedAt(mapping []byte) time.Time {
	var row struct {
		CreatedAt float64 `json:"created_at"`
	}
	if json.Unmarshal(mapping, &row) != nil {
		return time.Time{}
	}
	return secondsAt(row.CreatedAt)
}

// RefreshRow is a row of RefreshCollection: the client that a refresh token is for.
type RefreshRow struct {
	ClientID  string
	ExpiresAt time.Time // zero for none
}

// DecodeRefresh reads the row of a refresh token.
func DecodeRefresh(data []byte) (RefreshRow, error) {
	var r RefreshRow
	var expires *float64
	err := decodeRow(data, fields{"client_id": &r.ClientID, "expires_at": &expires})
	if expires != nil {
		r.ExpiresAt = secondsAt(*expires)
		if err == nil && r.ExpiresAt.IsZero() {
			err = fmt.Errorf("%w: member expires_at is out of range", ErrRow)
		}
	}
	if err == nil && r.ClientID == "" {
		err = fmt.Errorf("%w: no client_id", ErrRow)
	}
	return r, err
}

// Session is a row of SessionCollection: the provider's tokens behind a sign-in. It is a
// secret, and shows its client only.
type Session struct {
	ID           string
	ClientID     string // the MCP client
	AccessToken  string
	RefreshToken string    // "" for none
	ExpiresAt    time.Time // of AccessToken
	CreatedAt    time.Time
	// RefreshExpiresAt is when RefreshToken expires, zero if the provider did not say.
	RefreshExpiresAt time.Time

	members map[string]json.RawMessage
}

// DecodeSession reads the session with an id. The row says whose it is, as a mapping.
func DecodeSession(data []byte, id string) (Session, error) {
	var s Session
	var refresh *string
	var expires, created float64
	err := decodeRow(data, fields{
		"upstream_token_id": &s.ID, "access_token": &s.AccessToken, "refresh_token": &refresh, "client_id": &s.ClientID,
		"expires_at": &expires, "created_at": &created,
	})
	if err == nil {
		err = json.Unmarshal(data, &s.members)
	}
	switch {
	case err != nil:
		return Session{}, err
	case s.ID != id || s.AccessToken == "" || s.ClientID == "":
		return Session{}, fmt.Errorf("%w: it belongs to another session", ErrRow)
	case !inRange(expires) || !inRange(created):
		return Session{}, errTime
	}
	s.ExpiresAt, s.CreatedAt = secondsAt(expires), secondsAt(created)
	if refresh != nil {
		s.RefreshToken = *refresh
	}
	var until float64
	if json.Unmarshal(s.members["refresh_token_expires_at"], &until) == nil {
		s.RefreshExpiresAt = secondsAt(until)
	}
	return s, nil
}

// Renewal is what the provider gave for a session's refresh token.
type Renewal struct {
	AccessToken, RefreshToken string
	ExpiresAt                 time.Time // zero for an access token that does not expire
}

// sessionOrder is the order in which FastMCP writes the members of a session.
var sessionOrder = []string{
	"upstream_token_id", "access_token", "refresh_token", "refresh_token_expires_at", "expires_at", "token_type", "scope",
	"client_id", "created_at", "raw_token_data", "upstream_claims",
}

// EncodeRenewed writes a session with renewed tokens as FastMCP does after a refresh: all
// else stays, also what later versions added. Without a new refresh token the old one
// stays; the end of the refresh tokens does not move.
func (s Session) EncodeRenewed(r Renewal, now time.Time) ([]byte, error) {
	members := maps.Clone(s.members)
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(members["raw_token_data"], &raw); err != nil || raw == nil {
		raw = map[string]json.RawMessage{}
	}
	err := setMember(members, raw, "access_token", r.AccessToken)
	if r.RefreshToken != "" {
		err = errors.Join(err, setMember(members, raw, "refresh_token", r.RefreshToken))
	}
	if !r.ExpiresAt.IsZero() {
		err = errors.Join(err, set(members, "expires_at", json.RawMessage(fmt.Sprintf("%d.0", r.ExpiresAt.Unix()))), // a float in Python
			set(raw, "expires_at", r.ExpiresAt.Unix()), set(raw, "expires_in", int64(r.ExpiresAt.Sub(now).Seconds())))
	}
	err = errors.Join(err, set(members, "raw_token_data", raw))
	if err != nil {
		return nil, err
	}
	return encodeOrdered(members, sessionOrder)
}

func setMember(members, raw map[string]json.RawMessage, name, value string) error {
	return errors.Join(set(members, name, value), set(raw, name, value))
}

func set(members map[string]json.RawMessage, name string, value any) (err error) {
	members[name], err = json.Marshal(value)
	return err
}

// encodeOrdered writes an object with the members of an order first, then the others.
func encodeOrdered(members map[string]json.RawMessage, order []string) ([]byte, error) {
	object := []byte{'{'}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(members)), func(name string) bool { return slices.Contains(order, name) })
	for _, name := range append(slices.Clone(order), names...) {
		if _, ok := members[name]; !ok {
			continue
		}
		key, _ := encode(name) // a string can always be encoded
		value, err := encode(members[name])
		if err != nil {
			return nil, err
		}
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(append(append(object, key...), ':'), value...)
	}
	return append(object, '}'), nil
}

// String shows the client.
func (s Session) String() string { return fmt.Sprintf("FastMCP session of %q", s.ClientID) }

// Format shows the client, whatever the verb.
func (s Session) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// fields are the members that a row must have, with pointers to what holds them.
type fields map[string]any

// decodeRow reads a row whose members must all be there, as FastMCP's readers demand: null
// for those that may be.
func decodeRow(data []byte, want fields) error {
	seen, err := decodeFields(data, want)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !seen[name] {
			return fmt.Errorf("%w: member %s is missing", ErrRow, name)
		}
	}
	return nil
}

// decodeOptional reads members that earlier versions did not write.
func decodeOptional(data []byte, want fields) error {
	_, err := decodeFields(data, want)
	return err
}

// decodeFields reads members of a row and reports which of them are there.
func decodeFields(data []byte, want fields) (seen map[string]bool, err error) {
	seen = make(map[string]bool, len(want))
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return nil, fmt.Errorf("%w: not a JSON object", ErrRow)
	}
	for name, value := range members {
		field, ok := want[name]
		if !ok {
			continue
		}
		seen[name] = true
		if !nullable(field) && string(value) == "null" || json.Unmarshal(value, field) != nil {
			return nil, fmt.Errorf("%w: member %s has the wrong type", ErrRow, name)
		}
	}
	return seen, nil
}

func nullable(field any) bool {
	switch field.(type) {
	case **string, **float64:
		return true
	}
	return false
}
