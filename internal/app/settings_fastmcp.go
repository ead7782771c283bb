package app

import (
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// FastMCP is mcpkeep.FastMCP.
type FastMCP struct {
	Off                bool
	SigningKey         string
	Passphrase         string
	Issuers, Audiences []string
	Scopes             []string
	LegacyUntil        time.Time
	Keys               string
	Table              string
	IssuerSlash        bool
}

// longestLegacy is how far ahead LegacyUntil may be: as long as the refresh tokens live that
// it is about, and in which no one revokes one there.
const longestLegacy = 31 * 24 * time.Hour

// checkedFastMCP is how the tokens of a FastMCP server are recognized.
type checkedFastMCP struct {
	keys               []fastmcp.SigningKey // none: no token of FastMCP is looked at
	issuers, audiences []string
	store              checkedStore
	scope              string // what its clients may ask for; "" when there is no such server
}

// checkFastMCP derives the keys. Sessions can only be taken over with a provider that can
// be asked whose they are.
func (s Settings) checkFastMCP() (checkedFastMCP, *SettingError) {
	f := s.FastMCP
	c := checkedFastMCP{issuers: trimmed(f.Issuers), audiences: trimmed(f.Audiences)}
	if time.Until(f.LegacyUntil) > longestLegacy {
		return c, problem("FastMCP.LegacyUntil", "a time within the next 31 days", "%s is too far ahead", f.LegacyUntil.Format(time.DateOnly))
	}
	var err *SettingError
	if c.store, err = f.checkStore(); err != nil {
		return c, err
	}
	if c.store.over = f.Off || s.Provider.ClientSecret == ""; c.store.over {
		return c, nil
	}
	c.scope = f.SharedScope(s.Provider.Kind)
	if f.SigningKey != "" {
		key, err := fastmcp.ParseSigningKey(f.SigningKey)
		if err != nil {
			return c, problem("FastMCP.SigningKey", "passphrase:TEXT, raw:BASE64 or derived:TEXT, or file:PATH of a file with one of them", "%w", err)
		}
		c.keys = []fastmcp.SigningKey{key}
		return c, nil
	}
	c.keys = []fastmcp.SigningKey{fastmcp.KeyOfClientSecret(s.Provider.ClientSecret)}
	if f.Passphrase != "" { // which deployments set and do not always use
		key, err := fastmcp.KeyOfPassphrase(f.Passphrase)
		if err != nil {
			return c, because("FastMCP.Passphrase", "", err)
		}
		c.keys = append(c.keys, key)
	}
	return c, nil
}

// SharedScope is what clients of the server may ask for there, "" for nothing: see
// repo.ShareScope.
func (f FastMCP) SharedScope(provider string) string {
	if f.Off {
		return ""
	}
	if scopes := trimmed(f.Scopes); len(scopes) > 0 {
		return strings.Join(scopes, " ")
	}
	return map[string]string{GitHub: "user", Google: "openid"}[provider]
}

// readFastMCP reads the secrets from their files.
func (f *FastMCP) read() *SettingError {
	for _, secret := range []struct {
		field string
		value *string
	}{{"FastMCP.SigningKey", &f.SigningKey}, {"FastMCP.Passphrase", &f.Passphrase}, {"FastMCP.Keys", &f.Keys}} {
		value, err := setting.Secret(*secret.value)
		if err != nil {
			return unusable(secret.field, err)
		}
		*secret.value = value
	}
	return nil
}

// Issuer is the base URL as clients see it in metadata.
func (c Checked) Issuer() string {
	if c.settings.FastMCP.IssuerSlash {
		return c.BaseURL + "/"
	}
	return c.BaseURL
}

// verifier recognizes tokens of the FastMCP server that was at the base URL; nil for none.
func (c Checked) verifier() *fastmcp.Verifier {
	if len(c.FastMCP.keys) == 0 {
		return nil
	}
	v := &fastmcp.Verifier{Keys: c.FastMCP.keys, Issuers: c.FastMCP.issuers, Audiences: c.FastMCP.audiences}
	if len(v.Issuers) == 0 {
		v.Issuers = []string{c.BaseURL, c.BaseURL + "/"}
	}
	if len(v.Audiences) == 0 {
		at := c.BaseURL + oauth.DefaultPath
		v.Audiences = []string{at, at + "/"}
	}
	return v
}
