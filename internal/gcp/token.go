package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Scopes of access tokens.
const (
	ScopeCloud = "https://www.googleapis.com/auth/cloud-platform"
	ScopeLogin = "https://www.googleapis.com/auth/sqlservice.login" // log in to a database, nothing else
)

// soon is how long a token has to be valid for: what it is used for takes a while.
const soon = time.Minute

// tokens are those of each scope. The zero value has none.
type tokens struct {
	mu    sync.Mutex
	valid map[string]*oauth2.Token
}

// Token returns an access token for one scope: of the application-default credentials in the
// file that GOOGLE_APPLICATION_CREDENTIALS names or gcloud has made, otherwise of the service account that the
// metadata server vouches for. A token that is still valid is used again; whether it is
// follows from the wall clock, which continues while a machine is frozen.
func (c *Client) Token(ctx context.Context, scope string) (string, error) {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	if t := c.tokens.valid[scope]; t != nil && time.Now().Round(0).Add(soon).Before(t.Expiry) {
		return t.AccessToken, nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	t, err := c.newToken(ctx, scope)
	if err != nil {
		return "", fmt.Errorf("no access token for the service account: %w", plain(err))
	}
	if c.tokens.valid == nil {
		c.tokens.valid = map[string]*oauth2.Token{}
	}
	c.tokens.valid[scope] = t
	return t.AccessToken, nil
}

// Forget has the next Token of a scope be a new one, since what it was used for did not
// accept it.
func (c *Client) Forget(scope string) {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	delete(c.tokens.valid, scope)
}

func (c *Client) newToken(ctx context.Context, scope string) (*oauth2.Token, error) {
	if path := credentialsFile(); path != "" {
		return c.fileToken(ctx, path, scope)
	}
	text, err := c.metadata.GetWithContext(ctx, "instance/service-accounts/default/token?scopes="+url.QueryEscape(scope))
	if err != nil {
		return nil, err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"` // seconds
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.AccessToken == "" || answer.ExpiresIn <= 0 {
		return nil, errors.New("the metadata server's answer has no token")
	}
	lifetime := time.Duration(answer.ExpiresIn) * time.Second
	return &oauth2.Token{AccessToken: answer.AccessToken, Expiry: time.Now().Round(0).Add(lifetime)}, nil
}
