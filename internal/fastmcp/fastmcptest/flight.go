package fastmcptest

import (
	"maps"
	"time"
)

// Request is an authorization request at FastMCP.
type Request struct {
	ClientID, RedirectURI, State, Challenge string
	Verifier                                string // FastMCP's own for the provider, "" for none
}

// Transaction is a row of fastmcp.TransactionCollection as FastMCP 3 writes it.
func Transaction(id string, r Request, now time.Time) map[string]any {
	row := map[string]any{
		"txn_id": id, "client_id": r.ClientID, "client_redirect_uri": r.RedirectURI, "client_state": r.State, "code_challenge": r.Challenge,
		"code_challenge_method": "S256", "scopes": []string{"user"}, "created_at": float64(now.Unix()) + 0.25, "resource": nil,
		"proxy_code_verifier": nil, "csrf_token": "csrf", "csrf_expires_at": float64(now.Unix()) + 900.25, "consent_token": nil,
	}
	if r.Verifier != "" {
		row["proxy_code_verifier"] = r.Verifier
	}
	return row
}

// Code is a row of fastmcp.CodeCollection.
func Code(code string, r Request, u Upstream, now time.Time) map[string]any {
	tokens := map[string]any{"access_token": u.AccessToken, "token_type": "bearer", "scope": ""}
	if !u.ExpiresAt.IsZero() {
		maps.Copy(tokens, map[string]any{"refresh_token": u.RefreshToken, "expires_in": 28800, "expires_at": u.ExpiresAt.Unix()})
	}
	return map[string]any{
		"code": code, "client_id": r.ClientID, "redirect_uri": r.RedirectURI, "code_challenge": r.Challenge, "code_challenge_method": "S256",
		"scopes": []string{"user"}, "idp_tokens": tokens, "expires_at": float64(now.Unix()) + 300.5, "created_at": float64(now.Unix()) + 0.5,
	}
}
