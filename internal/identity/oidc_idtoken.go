package identity

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// clockSkew is how far the provider's clock may be behind ours. go-oidc allows five
// minutes in the other direction.
const clockSkew = time.Minute

// verify returns the claims of the ID token in a token response, or nil if there is none
// (OpenID Connect Core sections 3.1.3.7 and 12.2). The caller compares the nonce.
func (o *OIDC) verify(ctx context.Context, p *provider, answer *oauth2.Token) (claims, error) {
	raw, _ := answer.Extra("id_token").(string)
	if raw == "" {
		return nil, nil
	}
	token, err := oidc.NewVerifier(p.Issuer, p.keys, &oidc.Config{
		ClientID: o.config.ClientID, SupportedSigningAlgs: p.algorithms, SkipIssuerCheck: p.manyTenants(),
		Now: func() time.Time { return o.config.Now().Add(-clockSkew) },
	}).Verify(ctx, raw)
	var said claims
	if err == nil {
		err = token.Claims(&said)
	}
	if err == nil && token.AccessTokenHash != "" {
		err = token.VerifyAccessToken(answer.AccessToken)
	}
	if err == nil {
		err = o.checkParties(p, said, token.Audience)
	}
	if err != nil {
		return nil, unavailable(o.title+"'s ID token is not valid: "+clip(err.Error()), nil)
	}
	return said, nil
}

// checkParties checks what go-oidc does not: that the token is meant for this client alone
// (azp) and, if the issuer stands for many tenants, that the issuer is the token's own
// tenant.
func (o *OIDC) checkParties(p *provider, said claims, audience []string) error {
	azp, hasAzp := said["azp"]
	others := slices.ContainsFunc(audience, func(a string) bool { return a != o.config.ClientID })
	switch {
	case hasAzp && azp != any(o.config.ClientID), !hasAzp && others:
		return errors.New("it was issued to a different client")
	case said.text("sub") == "":
		return errors.New("it contains no subject")
	case !p.manyTenants():
		return nil
	}
	tenant := said.text("tid")
	if !tenantID.MatchString(tenant) || said.text("iss") != strings.Replace(p.Issuer, tenantTemplate, tenant, 1) {
		return errors.New("its issuer does not match its tenant")
	}
	return nil
}

// errAccessTokenDead means that the userinfo endpoint no longer accepts the access token.
var errAccessTokenDead = refused("", reasonEnded)

// userInfo queries the userinfo endpoint (OpenID Connect Core section 5.3), whose response
// may be signed.
func (o *OIDC) userInfo(ctx context.Context, p *provider, accessToken string) (claims, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.UserInfoEndpoint, nil)
	if err != nil {
		return nil, misconfigured("%s's userinfo endpoint is not usable", o.title)
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	resp, err := o.client.Do(req)
	if err != nil {
		return nil, transportError(o.title, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := readBounded(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, o.userInfoError(resp, body)
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err == nil && media == "application/jwt" {
		body, err = o.signedUserInfo(ctx, p, string(body))
	}
	var said claims
	if err == nil {
		err = json.Unmarshal(body, &said)
	}
	if err != nil || said.text("sub") == "" {
		return nil, unavailable(o.title+"'s userinfo endpoint did not return claims (content type "+
			clip(resp.Header.Get("Content-Type"))+")", nil)
	}
	return said, nil
}

// signedUserInfo verifies a signed response: it has an issuer and an audience, but need not
// expire (OpenID Connect Core section 5.3.2).
func (o *OIDC) signedUserInfo(ctx context.Context, p *provider, raw string) ([]byte, error) {
	token, err := oidc.NewVerifier(p.Issuer, p.keys, &oidc.Config{
		ClientID: o.config.ClientID, SupportedSigningAlgs: p.algorithms, SkipExpiryCheck: true,
	}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	var payload json.RawMessage
	err = token.Claims(&payload)
	return payload, err
}

// userInfoError recognizes a refusal only in the format of RFC 6750 section 3.1: a proxy in
// between can return 401 as well.
func (o *OIDC) userInfoError(resp *http.Response, body []byte) error {
	own := resp.Header.Get("WWW-Authenticate") + string(body)
	switch status := resp.StatusCode; {
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return overloaded(o.title, resp, o.config.Now())
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && strings.Contains(own, "invalid_token"):
		return errAccessTokenDead
	case status == http.StatusUnauthorized:
		return unavailable(o.title+"'s userinfo endpoint returned "+resp.Status+" without an error code", nil)
	}
	return misconfigured("%s's userinfo endpoint returned %s", o.title, resp.Status)
}
