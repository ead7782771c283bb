package survey

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Advice is something that breaks the switch from FastMCP, or makes it better.
type Advice struct {
	Check   string `json:"check"` // a name that does not change
	What    string `json:"what"`
	Why     string `json:"why"`
	Fix     string `json:"fix"`
	Breaks  bool   `json:"breaks"`            // otherwise a recommendation
	Setting string `json:"setting,omitempty"` // NAME=VALUE, where one is the fix
}

// Settings are those that a takeover depends on.
type Settings struct {
	On          bool // tokens of FastMCP are looked at
	BaseURL     string
	Resource    string // the MCP endpoint
	Audiences   []string
	Issuers     []string
	Scopes      []string
	LegacyUntil time.Time
	IssuerSlash bool
	Anyone      bool // everyone at the provider may sign in
}

// endsSoon is how long before its end LegacyUntil is a matter of concern.
const endsSoon = 3 * 24 * time.Hour

// Advise compares what is stored with the settings.
func (r Report) Advise(s Settings, now time.Time) []Advice {
	var all []Advice
	for _, advise := range []func(Settings) []Advice{r.keys, r.switchedOn, r.addresses, r.scopes, r.slash, anyone} {
		all = append(all, advise(s)...)
	}
	return append(all, r.legacy(s, now)...)
}

// Stored reports whether FastMCP has stored anything.
func (r Report) Stored() bool { return r.Clients.Total > r.Clients.Ours || r.Sessions.Total > 0 }

func (r Report) keys(Settings) []Advice {
	var all []Advice
	for _, c := range r.Collections {
		if c.Unreadable > 0 {
			all = append(all, Advice{
				Check: "fastmcp_keys", Breaks: true, What: fmt.Sprintf("%d of %d rows of %s open with no configured key", c.Unreadable, c.Rows, c.Name),
				Why: "What is in them cannot be taken over: those clients or users sign in once more.",
				Fix: "Add FastMCP's storage encryption key to MCPKEEP_ENCRYPTION_KEYS, behind the first one. Rows that it left behind when its own key changed do not matter.",
			})
		}
		if c.Refused > 0 {
			all = append(all, Advice{
				Check: "fastmcp_plain", Breaks: true, What: fmt.Sprintf("%d rows of %s are not encrypted", c.Refused, c.Name),
				Why: "Anyone who can write to the store could have made them, so they are not taken over.",
				Fix: "If FastMCP stored them without encryption, add plain to MCPKEEP_FASTMCP_KEYS.",
			})
		}
	}
	return all
}

func (r Report) switchedOn(s Settings) []Advice {
	if s.On || r.Sessions.Total == 0 {
		return nil
	}
	return []Advice{{
		Check: "fastmcp_off", Breaks: true, What: fmt.Sprintf("FastMCP has stored %d sessions, and its tokens are not looked at", r.Sessions.Total),
		Why: "All its users sign in again.", Fix: "Remove MCPKEEP_FASTMCP=off, and set the provider's client ID and secret.",
	}}
}

// addresses compares what clients asked for with ours. The rows have nothing else that
// shows the address of the old server.
func (r Report) addresses(s Settings) []Advice {
	var all []Advice
	differs := func(seen, accepted []string) string {
		for _, text := range seen {
			if !slices.ContainsFunc(accepted, func(a string) bool { return bare(a) == bare(text) }) {
				return text
			}
		}
		return ""
	}
	if s.BaseURL == "" {
		return nil
	}
	if other := differs(r.Server.Resources, append([]string{s.Resource, s.BaseURL}, s.Audiences...)); other != "" {
		all = append(all, Advice{
			Check: "fastmcp_address", What: "a client of FastMCP asked for " + other + ", and the MCP endpoint here is " + s.Resource,
			Why: "Clients keep the address of the server that they signed in at; another one, or another path, is another server to them, and its tokens are refused.",
			Fix: "Set MCPKEEP_BASE_URL to the old origin. If the path differs, clients have to use " + s.Resource + ", and MCPKEEP_FASTMCP_AUD has to be the aud of FastMCP's tokens (`mcpkeep adopt --token -` shows it).",
		})
	}
	if other := differs(r.Server.Issuers, append([]string{s.BaseURL}, s.Issuers...)); other != "" {
		all = append(all, Advice{
			Check: "fastmcp_issuer", Breaks: true, What: "FastMCP's issuer is " + other + ", and ours is " + s.BaseURL,
			Why: "Its tokens are refused, and clients register again.", Fix: "Set MCPKEEP_BASE_URL to the old origin.",
		})
	}
	return all
}

// bare is a URL without its final slash.
func bare(text string) string { return strings.TrimSuffix(text, "/") }

func (r Report) scopes(s Settings) []Advice {
	for _, text := range r.Clients.Scopes {
		for scope := range strings.FieldsSeq(text) {
			if s.On && !slices.Contains(s.Scopes, scope) {
				return []Advice{{
					Check: "fastmcp_scopes", What: fmt.Sprintf("clients of FastMCP registered for the scope %q, which the settings do not name", scope),
					Why: "A client that asks for it, as at FastMCP, gets invalid_scope.",
					Fix: "Set MCPKEEP_FASTMCP_SCOPES to FastMCP's required_scopes.", Setting: "MCPKEEP_FASTMCP_SCOPES=" + strings.Join(strings.Fields(text), ","),
				}}
			}
		}
	}
	return nil
}

func (r Report) slash(s Settings) []Advice {
	if s.IssuerSlash || !r.Stored() {
		return nil
	}
	return []Advice{{
		Check: "fastmcp_issuer_slash", What: "FastMCP publishes its issuer with a final slash, and mcpkeep without",
		Why: "Apps that keep their registrations by issuer find nothing and register again.",
		Fix: "Set MCPKEEP_ISSUER_SLASH=true while clients of FastMCP are in use.", Setting: "MCPKEEP_ISSUER_SLASH=true",
	}}
}

func anyone(s Settings) []Advice {
	if !s.Anyone {
		return nil
	}
	return []Advice{{
		Check: "fastmcp_anyone", What: "everyone with an account at the sign-in provider may sign in",
		Why: "GITHUB_ALLOWED_USERNAMES=* means everyone, as at FastMCP, and so does MCPKEEP_ALLOW_ANYONE.",
		Fix: "List users in MCPKEEP_ALLOWED_USERS, unless that is what you want.",
	}}
}

func (r Report) legacy(s Settings, now time.Time) []Advice {
	date := s.LegacyUntil.UTC().Format(time.RFC3339)
	switch {
	case s.LegacyUntil.IsZero() && r.Sessions.Legacy > 0:
		until := now.Add(30 * 24 * time.Hour).UTC().Truncate(24 * time.Hour).Format(time.RFC3339)
		return []Advice{{
			Check: "fastmcp_legacy", What: fmt.Sprintf("%d sessions have a refresh token that FastMCP 2.13.0 or 2.13.1 kept in memory", r.Sessions.Legacy),
			Why: "Without its row such a token is refused, and the user signs in once more.",
			Fix: "Set MCPKEEP_FASTMCP_LEGACY_UNTIL before the first start of mcpkeep on this database.", Setting: "MCPKEEP_FASTMCP_LEGACY_UNTIL=" + until,
		}}
	case s.LegacyUntil.IsZero():
		return nil
	case now.After(s.LegacyUntil):
		return []Advice{{
			Check: "fastmcp_legacy", What: "MCPKEEP_FASTMCP_LEGACY_UNTIL has passed (" + date + ")",
			Why: "Refresh tokens without a row are refused again.", Fix: "Remove it.",
		}}
	case s.LegacyUntil.Sub(now) < endsSoon:
		return []Advice{{
			Check: "fastmcp_legacy", What: "MCPKEEP_FASTMCP_LEGACY_UNTIL ends soon (" + date + ")",
			Why: "Users of FastMCP 2.13.0 and 2.13.1 who have not used their client until then sign in once more.",
			Fix: "Set it to a later time, or leave it.",
		}}
	}
	return nil
}
