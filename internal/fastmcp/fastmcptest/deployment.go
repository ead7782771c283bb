package fastmcptest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// Secret is the provider's client secret of deployments, and SigningText what FastMCP
// derives of it.
const (
	Secret      = "test-client-secret"
	SigningText = "w61pjIKtFnRBoROxDTZb0iJX2-cRxKND8EfF0lF5-mY="
)

// Deployment is a FastMCP server.
type Deployment struct {
	SigningText string
	Issuer      string // with the final slash
	Audience    string
	Cipher      fastmcp.Cipher // nil stores in the clear
}

// New returns a deployment at a base URL without path or slash.
func New(baseURL string, c fastmcp.Cipher) Deployment {
	return Deployment{SigningText: SigningText, Issuer: baseURL + "/", Audience: baseURL + "/mcp", Cipher: c}
}

// Upstream is what the provider gave at a sign-in.
type Upstream struct {
	AccessToken, RefreshToken string
	ExpiresAt                 time.Time // zero for a token that does not expire
}

// Session is a sign-in: its tokens, and the rows by their keys.
type Session struct {
	ID, ClientID        string
	Access, Refresh     string
	AccessID, RefreshID string // their jti
	Rows                map[string]json.RawMessage
}

// Lifetimes of FastMCP 2.14 to 3.2.
const (
	accessOfApp   = time.Hour // what GitHub Apps say is 8 hours
	accessOfOAuth = 365 * 24 * time.Hour
	refreshLife   = 30 * 24 * time.Hour
)

// SignIn is a sign-in as FastMCP 3.2 to 4.2 records it. Without an upstream refresh token
// there is none here either.
func (d Deployment) SignIn(t testing.TB, clientID string, u Upstream, now time.Time) Session {
	t.Helper()
	s := Session{ID: ID(), ClientID: clientID, AccessID: ID(), Rows: map[string]json.RawMessage{}}
	expires := now.Add(accessOfOAuth)
	if u.RefreshToken != "" {
		expires = now.Add(accessOfApp)
	}
	s.Access = d.Token(t, d.Claims(clientID, s.AccessID, now, expires))
	d.put(t, s.Rows, fastmcp.MappingCollection, s.AccessID, Mapping(s.AccessID, s.ID, now))
	if u.RefreshToken != "" {
		s.RefreshID = ID()
		claims := d.Claims(clientID, s.RefreshID, now, now.Add(refreshLife))
		claims["token_use"] = "refresh"
		s.Refresh = d.Token(t, claims)
		d.put(t, s.Rows, fastmcp.MappingCollection, s.RefreshID, Mapping(s.RefreshID, s.ID, now))
		d.put(t, s.Rows, fastmcp.RefreshCollection, HashKey(s.Refresh), map[string]any{
			"client_id": clientID, "scopes": []string{"user"}, "expires_at": now.Add(refreshLife).Unix(), "created_at": float64(now.Unix()) + 0.25,
		})
	}
	d.put(t, s.Rows, fastmcp.SessionCollection, s.ID, UpstreamSet(s.ID, clientID, u, now))
	return s
}

// Mapping is a row of fastmcp.MappingCollection.
func Mapping(jti, sessionID string, now time.Time) map[string]any {
	return map[string]any{"jti": jti, "upstream_token_id": sessionID, "created_at": float64(now.Unix()) + 0.25}
}

// UpstreamSet is a row of fastmcp.SessionCollection.
func UpstreamSet(id, clientID string, u Upstream, now time.Time) map[string]any {
	raw := map[string]any{"access_token": u.AccessToken, "token_type": "bearer", "scope": ""}
	expires := now.Add(accessOfOAuth)
	if !u.ExpiresAt.IsZero() {
		expires = u.ExpiresAt
		maps.Copy(raw, map[string]any{"refresh_token": u.RefreshToken, "expires_in": 28800, "expires_at": u.ExpiresAt.Unix()})
	}
	row := map[string]any{
		"upstream_token_id": id, "access_token": u.AccessToken, "refresh_token": nil, "refresh_token_expires_at": nil,
		"expires_at": float64(expires.Unix()) + 0.5, "token_type": "bearer", "scope": "", "client_id": clientID,
		"created_at": float64(now.Unix()) + 0.25, "raw_token_data": raw, "upstream_claims": nil,
	}
	if u.RefreshToken != "" {
		row["refresh_token"] = u.RefreshToken
	}
	return row
}

// Claims are those of an access token.
func (d Deployment) Claims(clientID, jti string, now, expires time.Time) map[string]any {
	return map[string]any{
		"iss": d.Issuer, "aud": d.Audience, "client_id": clientID, "scope": "", "exp": expires.Unix(), "iat": now.Unix(), "jti": jti,
	}
}

// Token signs claims.
func (d Deployment) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return Sign(d.SigningText, `{"alg":"HS256","typ":"JWT"}`, string(payload))
}

// Sign makes a JWS of any header and payload.
func Sign(key, header, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write([]byte(text)) // never fails
	return text + "." + encode(mac.Sum(nil))
}

// Row is the value of a row, sealed if the deployment does that.
func (d Deployment) Row(t testing.TB, row map[string]any) json.RawMessage {
	t.Helper()
	plaintext, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	if d.Cipher == nil {
		return plaintext
	}
	value, err := fastmcp.Seal(d.Cipher, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func (d Deployment) put(t testing.TB, rows map[string]json.RawMessage, collection, key string, row map[string]any) {
	t.Helper()
	rows[fastmcp.RowKey(collection, key)] = d.Row(t, row)
}

// HashKey is the key of a refresh token in its collection.
func HashKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// ID is an identifier as FastMCP makes them.
func ID() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(raw[:])
}
