package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// Revoke deletes the token at GitHub. Everything else that the account has granted this
// application stays: other servers may use the same application. An expired token is
// renewed first, because GitHub deletes only by a valid access token.
func (g *GitHub) Revoke(ctx context.Context, t Token) error {
	if t.Issuer != g.issuer {
		return refused("", "the token belongs to a different provider")
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	t, err := g.renew(ctx, t)
	if errors.Is(err, ErrRefused) {
		return nil // there is nothing left to delete
	}
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"access_token": t.AccessToken})
	if err != nil {
		return err
	}
	at := g.api.JoinPath("applications", g.oauth.ClientID, "token").String()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, at, bytes.NewReader(body))
	if err != nil {
		return misconfigured("the GitHub API URL is not usable")
	}
	req.SetBasicAuth(g.oauth.ClientID, g.oauth.ClientSecret)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", githubAPIVersion)
	resp, err := g.client.Do(req)
	if err != nil {
		return transportError("GitHub", err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusNoContent, http.StatusNotFound, http.StatusUnprocessableEntity: // the latter two for a token that is no longer valid
		return nil
	}
	answer, _ := readBounded(resp.Body)
	return apiError(resp, answer, g.now())
}
