package fastmcp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// TransactionLife is how long a transaction is good for after its creation.
const TransactionLife = 15 * time.Minute

// Transaction is a row of TransactionCollection: an authorization request whose user is on
// FastMCP's consent page or at the provider. It is a secret.
type Transaction struct {
	ID                  string // also the state at the provider
	ClientID            string
	RedirectURI         string // normalized
	State               string // "" for none
	CodeChallenge       string // "" for none
	CodeChallengeMethod string
	Scopes              []string
	Resource            string // "" for none
	Verifier            string // FastMCP's own for the provider (RFC 7636), "" for none
	CreatedAt           time.Time
}

// DecodeTransaction reads the transaction with an ID. The row says whose it is, as a mapping.
func DecodeTransaction(data []byte, id string) (Transaction, error) {
	var t Transaction
	var challenge, resource, verifier *string
	var created float64
	err := decodeRow(data, fields{
		"txn_id": &t.ID, "client_id": &t.ClientID, "client_redirect_uri": &t.RedirectURI, "client_state": &t.State,
		"code_challenge": &challenge, "code_challenge_method": &t.CodeChallengeMethod, "scopes": &t.Scopes, "created_at": &created,
	})
	if err == nil {
		err = decodeOptional(data, fields{"resource": &resource, "proxy_code_verifier": &verifier})
	}
	switch {
	case err != nil:
		return Transaction{}, err
	case t.ID != id || t.ClientID == "" || t.RedirectURI == "":
		return Transaction{}, fmt.Errorf("%w: it belongs to another transaction", ErrRow)
	case !inRange(created):
		return Transaction{}, errTime
	}
	t.CodeChallenge, t.Resource, t.Verifier = text(challenge), text(resource), text(verifier)
	t.CreatedAt = secondsAt(created)
	return t, nil
}

// Code is a row of CodeCollection: an authorization code that FastMCP issued, with the
// provider's tokens of the user. It is a secret.
type Code struct {
	Code                string
	ClientID            string
	RedirectURI         string // normalized
	CodeChallenge       string // "" for none
	CodeChallengeMethod string
	ExpiresAt           time.Time
	Upstream            Renewal // what the provider returned
}

// DecodeCode reads the row of a code. The row says whose it is, as a mapping.
func DecodeCode(data []byte, code string) (Code, error) {
	var c Code
	var challenge *string
	var expires float64
	var tokens providerTokens
	err := decodeRow(data, fields{
		"code": &c.Code, "client_id": &c.ClientID, "redirect_uri": &c.RedirectURI, "code_challenge": &challenge,
		"code_challenge_method": &c.CodeChallengeMethod, "idp_tokens": &tokens, "expires_at": &expires,
	})
	switch {
	case err != nil:
		return Code{}, err
	case c.Code != code || c.ClientID == "" || tokens.Access == "":
		return Code{}, fmt.Errorf("%w: it belongs to another code", ErrRow)
	case !inRange(expires):
		return Code{}, errTime
	}
	c.CodeChallenge, c.ExpiresAt = text(challenge), secondsAt(expires)
	c.Upstream = Renewal{AccessToken: tokens.Access, RefreshToken: tokens.Refresh, ExpiresAt: secondsAt(tokens.ExpiresAt)}
	return c, nil
}

// providerTokens is the provider's token response, with the expiry that FastMCP adds.
type providerTokens struct {
	Access    string  `json:"access_token"`
	Refresh   string  `json:"refresh_token"`
	ExpiresAt float64 `json:"expires_at"` // Unix seconds; 0 for a token that does not expire
}

var errTime = fmt.Errorf("%w: a time is out of range", ErrRow)

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// secretLength is that of 32 random bytes in unpadded base64url.
const secretLength = 43

// IsSecret reports whether a text has the form of FastMCP's codes and transaction IDs.
func IsSecret(s string) bool {
	return len(s) == secretLength && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// String shows the client.
func (t Transaction) String() string { return fmt.Sprintf("FastMCP transaction of %q", t.ClientID) }

// Format shows the client, whatever the verb.
func (t Transaction) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// String shows the client.
func (c Code) String() string { return fmt.Sprintf("FastMCP code of %q", c.ClientID) }

// Format shows the client, whatever the verb.
func (c Code) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// ShownKey returns the key of a row as logs and reports may show it: the keys of codes and
// transactions are secrets, of which it is a hash.
func ShownKey(key string) string {
	collection, secret, found := strings.Cut(key, ":")
	if !found || collection != CodeCollection && collection != TransactionCollection {
		return key
	}
	sum := sha256.Sum256([]byte(secret))
	return RowKey(collection, "sha256-"+hex.EncodeToString(sum[:8]))
}
