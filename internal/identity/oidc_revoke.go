package identity

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// Revoke sends the refresh token, or else the access token, to the revocation endpoint
// where there is one (RFC 7009). Google ends everything that the account has granted this
// client.
func (o *OIDC) Revoke(ctx context.Context, t Token) error {
	if t.Issuer != o.id {
		return refused("", "the token belongs to a different provider")
	}
	ctx, cancel := context.WithTimeout(ctx, o.config.Timeout)
	defer cancel()
	p, err := o.discovery.get(ctx)
	if err != nil || !o.maySendTo(p.RevocationEndpoint) {
		return err
	}
	form := url.Values{"token": {t.RefreshToken}, "token_type_hint": {"refresh_token"}}
	if t.RefreshToken == "" {
		form = url.Values{"token": {t.AccessToken}, "token_type_hint": {"access_token"}}
	}
	req, err := o.clientRequest(ctx, p, p.RevocationEndpoint, form)
	if err != nil {
		return err
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return transportError(o.title, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := readBounded(resp.Body)
	return o.revocationError(resp, body)
}

// clientRequest returns a request with the client authentication of the token endpoint.
func (o *OIDC) clientRequest(ctx context.Context, p *provider, endpoint string, form url.Values) (*http.Request, error) {
	styles, err := o.authStyles(p)
	if err != nil {
		return nil, err
	}
	basic := styles[0] == oauth2.AuthStyleInHeader
	if !basic {
		form.Set("client_id", o.config.ClientID)
		form.Set("client_secret", o.config.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, misconfigured("%s's discovery document has an unusable endpoint: %s", o.title, clip(endpoint))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic {
		req.SetBasicAuth(url.QueryEscape(o.config.ClientID), url.QueryEscape(o.config.ClientSecret))
	}
	return req, nil
}

// revocationError treats Google's invalid_token as success: the token is no longer valid.
func (o *OIDC) revocationError(resp *http.Response, body []byte) error {
	var answer struct {
		Code string `json:"error"`
	}
	_ = json.Unmarshal(body, &answer) // it need not be JSON
	switch status := resp.StatusCode; {
	case status < 300, answer.Code == "invalid_token":
		return nil
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return overloaded(o.title, resp, o.config.Now())
	}
	return misconfigured("%s's revocation endpoint returned %s with error %s", o.title, resp.Status, clip(answer.Code))
}
