package harness

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// requestTimeout is more than the slowest answer that the program allows itself.
const requestTimeout = 70 * time.Second

// protocolVersion is the MCP revision that [Client.Call] speaks.
const protocolVersion = "2025-11-25"

// Client is an MCP client with its OAuth part. It is for one goroutine.
type Client struct {
	Server      string // base URL of the server
	RedirectURI string
	AuthMethod  string // token_endpoint_auth_method; none unless set
	Scope       string // asked for; none unless set
	Resource    string // URL of the MCP endpoint; Server's /mcp unless set
	FastMCP     bool   // the server is FastMCP, or took its place: answers may have another iss, or none, and no refresh token

	ID, Secret                string
	Key                       *ecdsa.PrivateKey // of private_key_jwt
	AccessToken, RefreshToken string
	ExpiresIn                 int64    // seconds
	Seen                      []string // each secret that passed through this client
	HTTP                      *http.Client

	state, verifier string // of the authorization request under way
	requests        int
}

// NewClient returns a client that is not registered yet. The transport may be nil.
func NewClient(server string, through http.RoundTripper) *Client {
	return &Client{
		Server: server, RedirectURI: "http://127.0.0.1:9/callback", AuthMethod: "none",
		HTTP: &http.Client{Transport: through, Timeout: requestTimeout},
	}
}

// Register registers the client (RFC 7591).
func (c *Client) Register(ctx context.Context) error {
	body, err := json.Marshal(map[string]any{
		"client_name": "Harness", "redirect_uris": []string{c.RedirectURI}, "token_endpoint_auth_method": c.AuthMethod,
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
	})
	if err != nil {
		return err
	}
	var answer struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
		Manage string `json:"registration_access_token"`
	}
	err = c.send(ctx, c.Server+"/register", "application/json", bytes.NewReader(body), nil, &answer)
	if err != nil {
		return err
	}
	c.ID, c.Secret = answer.ID, answer.Secret
	c.saw(c.Secret, answer.Manage)
	return nil
}

// AuthorizeURL begins an authorization request (RFC 6749 section 4.1.1) with a
// new state and PKCE verifier.
func (c *Client) AuthorizeURL() string {
	c.verifier, c.state = rand.Text()+rand.Text(), rand.Text()
	c.saw(c.verifier, c.state)
	sum := sha256.Sum256([]byte(c.verifier))
	query := url.Values{
		"client_id": {c.ID}, "redirect_uri": {c.RedirectURI}, "response_type": {"code"}, "state": {c.state},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		"resource": {c.resource()},
	}
	if c.Scope != "" {
		query.Set("scope", c.Scope)
	}
	return c.Server + "/authorize?" + query.Encode()
}

func (c *Client) resource() string { return cmp.Or(c.Resource, c.Server+"/mcp") }

// Code checks the authorization response and returns its code.
func (c *Client) Code(answer *url.URL) (string, error) {
	q := answer.Query()
	code := q.Get("code")
	switch {
	case q.Get("error") != "":
		return "", &Error{Status: http.StatusFound, Code: q.Get("error"), Description: q.Get("error_description")}
	case !strings.HasPrefix(answer.String(), c.RedirectURI+"?"):
		return "", fmt.Errorf("the answer went elsewhere: %s", answer)
	case q.Get("state") != c.state:
		return "", errors.New("the answer has another state")
	case q.Get("iss") != c.Server && !c.FastMCP:
		return "", fmt.Errorf("the answer names the issuer %q", q.Get("iss"))
	case code == "":
		return "", errors.New("the answer has no code")
	}
	c.saw(code)
	return code, nil
}

// Exchange redeems a code (RFC 6749 section 4.1.3).
func (c *Client) Exchange(ctx context.Context, code string) error {
	return c.token(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.RedirectURI}, "code_verifier": {c.verifier},
	})
}

// SignIn registers the client unless it is registered, has the browser's person
// allow it, and gets tokens.
func (c *Client) SignIn(ctx context.Context, b *Browser) error {
	if c.ID == "" {
		if err := c.Register(ctx); err != nil {
			return fmt.Errorf("register: %w", err)
		}
	}
	answer, err := b.Visit(ctx, c.AuthorizeURL())
	if err != nil {
		return fmt.Errorf("authorize: %w", err)
	}
	code, err := c.Code(answer)
	if err != nil {
		return err
	}
	if err := c.Exchange(ctx, code); err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	return nil
}

// Refresh rotates the refresh token (RFC 6749 section 6). Without an answer the
// client keeps its tokens and may try again.
func (c *Client) Refresh(ctx context.Context) error {
	return c.token(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.RefreshToken}})
}

// Revoke revokes a token (RFC 7009).
func (c *Client) Revoke(ctx context.Context, token string) error {
	return c.sendForm(ctx, "/revoke", url.Values{"token": {token}}, nil)
}

func (c *Client) token(ctx context.Context, form url.Values) error {
	var answer struct {
		Access    string `json:"access_token"`
		Refresh   string `json:"refresh_token"`
		ExpiresIn int64  `json:"expires_in"`
	}
	form.Set("resource", c.resource())
	if err := c.sendForm(ctx, "/token", form, &answer); err != nil {
		return err
	}
	if answer.Access == "" || answer.Refresh == "" && !c.FastMCP {
		return errors.New("the token answer lacks a token")
	}
	c.AccessToken, c.RefreshToken, c.ExpiresIn = answer.Access, answer.Refresh, answer.ExpiresIn
	c.saw(answer.Access, answer.Refresh)
	return nil
}
