package survey

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// Step is one thing that has to be true for a token to be taken over.
type Step struct {
	Step   string `json:"step"` // a name that does not change
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what was found; nothing secret
}

// Explanation says whether a token would be taken over. The first step that is not OK is the
// last one.
type Explanation struct {
	Kind  string `json:"kind"` // "access_token" or "refresh_token", "" for neither
	Steps []Step `json:"steps"`
	// Session is the one that it leads to.
	Session *fastmcp.Session `json:"-"`
}

// OK reports whether all steps are.
func (e *Explanation) OK() bool { return len(e.Steps) > 0 && e.Steps[len(e.Steps)-1].OK }

// Add adds a step and reports whether it is OK.
func (e *Explanation) Add(step string, ok bool, format string, args ...any) bool {
	e.Steps = append(e.Steps, Step{step, ok, fmt.Sprintf(format, args...)})
	return ok
}

// Get returns a row of a store. The error is fastmcp.ErrNoRow if there is none.
type Get func(ctx context.Context, collection, key string) (fastmcp.Row, error)

// Explainer follows tokens through a store.
type Explainer struct {
	Reader
	Get      Get
	Verifier *fastmcp.Verifier
	// LegacyUntil is as in the settings.
	LegacyUntil time.Time
}

// Explain follows a token as adoption does. The error is that of the store.
func (x *Explainer) Explain(ctx context.Context, token string) (*Explanation, error) {
	e := new(Explanation)
	claims, ok := x.claims(e, token)
	if !ok {
		return e, nil
	}
	steps := []func() (bool, error){
		func() (bool, error) { return x.client(ctx, e, claims.ClientID) },
		func() (bool, error) { return x.refreshRow(ctx, e, token, claims) },
		func() (bool, error) { return x.session(ctx, e, claims) },
	}
	for _, step := range steps {
		if ok, err := step(); err != nil || !ok {
			return e, err
		}
	}
	return e, nil
}

// claims are those of a token that verifies.
func (x *Explainer) claims(e *Explanation, token string) (fastmcp.Claims, bool) {
	if !e.Add("form", fastmcp.IsToken(token), "%s", formOf(token)) {
		return fastmcp.Claims{}, false
	}
	said := x.Verifier.Inspect(token)
	if !e.Add("signature", said.Key >= 0, "%s", x.signedBy(said)) {
		return fastmcp.Claims{}, false
	}
	e.Kind = EndsWithAccess
	if said.Refresh {
		e.Kind = EndsWithRefresh
	}
	claims, err := x.Verifier.Verify(token, said.Refresh, x.Now)
	var why *fastmcp.TokenError
	if errors.As(err, &why) {
		e.Add("claims", false, "%s (iss %q, aud %q, exp %s); accepted: iss %q, aud %q", why.Reason, said.Issuer, said.Audience,
			said.ExpiresAt.Format(time.RFC3339), x.Verifier.Issuers, x.Verifier.Audiences)
		return claims, false
	}
	e.Add("claims", true, "iss %q, aud %q, expires %s", said.Issuer, said.Audience, said.ExpiresAt.Format(time.RFC3339))
	return claims, true
}

func formOf(token string) string {
	if fastmcp.IsToken(token) {
		return "a JWT"
	}
	return "not a JWT, as FastMCP's tokens are: paste one access or refresh token, and nothing else"
}

func (x *Explainer) signedBy(said fastmcp.Inspection) string {
	if said.Key < 0 {
		return fmt.Sprintf("no signing key fits (tried %s): see MCPKEEP_FASTMCP_JWT_KEY", fingerprints(x.Verifier.Keys))
	}
	return "by the signing key " + x.Verifier.Keys[said.Key].Fingerprint()
}

func fingerprints(keys []fastmcp.SigningKey) string {
	text := ""
	for i, key := range keys {
		if i > 0 {
			text += ", "
		}
		text += key.Fingerprint()
	}
	return text
}

// open returns what is in a row, nil if that fails, which is a step.
func (x *Explainer) open(ctx context.Context, e *Explanation, step, collection, key string) ([]byte, error) {
	row, err := x.Get(ctx, collection, key)
	if errors.Is(err, fastmcp.ErrNoRow) {
		e.Add(step, false, "%s has no such row: FastMCP has ended it, or this is another store", collection)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	plaintext, keyID, err := x.Open(row.Value)
	switch {
	case err != nil:
		e.Add(step, false, "the row in %s opens with no configured encryption key", collection)
	case keyID == "" && !x.Plain && collection != fastmcp.ClientCollection:
		e.Add(step, false, "the row in %s is not encrypted, which is not allowed", collection)
	case row.Expired(x.Now):
		e.Add(step, false, "the row in %s has expired", collection)
	default:
		return plaintext, nil
	}
	return nil, nil
}

func (x *Explainer) client(ctx context.Context, e *Explanation, id string) (bool, error) {
	plaintext, err := x.open(ctx, e, "client", fastmcp.ClientCollection, id)
	if plaintext == nil {
		return false, err
	}
	_, err = fastmcp.DecodeClient(plaintext)
	return e.Add("client", err == nil, "%q is registered", id), nil
}

// refreshRow checks the row without which a refresh token was rotated or revoked.
func (x *Explainer) refreshRow(ctx context.Context, e *Explanation, token string, claims fastmcp.Claims) (bool, error) {
	if !claims.Refresh {
		return true, nil
	}
	sum := sha256.Sum256([]byte(token))
	key := fastmcp.RefreshKey(sum[:])
	if _, err := x.Get(ctx, fastmcp.RefreshCollection, key); errors.Is(err, fastmcp.ErrNoRow) && x.Now.Before(x.LegacyUntil) {
		return e.Add("refresh_row", true, "there is none, as with FastMCP 2.13.0; MCPKEEP_FASTMCP_LEGACY_UNTIL allows that"), nil
	}
	plaintext, err := x.open(ctx, e, "refresh_row", fastmcp.RefreshCollection, key)
	if plaintext == nil {
		return false, err
	}
	row, err := fastmcp.DecodeRefresh(plaintext)
	switch {
	case err != nil:
		return e.Add("refresh_row", false, "%v", err), nil
	case row.ClientID != claims.ClientID:
		return e.Add("refresh_row", false, "its row names another client"), nil
	case !row.ExpiresAt.IsZero() && !x.Now.Before(row.ExpiresAt):
		return e.Add("refresh_row", false, "its row has expired"), nil
	}
	return e.Add("refresh_row", true, "its row names the client"), nil
}

func (x *Explainer) session(ctx context.Context, e *Explanation, claims fastmcp.Claims) (bool, error) {
	plaintext, err := x.open(ctx, e, "mapping", fastmcp.MappingCollection, claims.ID)
	if plaintext == nil {
		return false, err
	}
	m, err := fastmcp.DecodeMapping(plaintext, claims.ID)
	if err != nil {
		return e.Add("mapping", false, "%v", err), nil
	}
	e.Add("mapping", true, "it leads to a session")
	if plaintext, err = x.open(ctx, e, "session", fastmcp.SessionCollection, m.SessionID); plaintext == nil {
		return false, err
	}
	s, err := fastmcp.DecodeSession(plaintext, m.SessionID)
	switch {
	case err != nil:
		return e.Add("session", false, "%v", err), nil
	case s.ClientID != claims.ClientID:
		return e.Add("session", false, "it belongs to another client"), nil
	}
	e.Session = &s
	return e.Add("session", true, "signed in on %s", s.CreatedAt.Format(time.DateOnly)), nil
}
