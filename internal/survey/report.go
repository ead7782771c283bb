package survey

import "time"

// Report is what a store of FastMCP holds. Member names of its JSON do not change.
type Report struct {
	Version     Version      `json:"version"`
	Collections []Collection `json:"collections"`
	Clients     Clients      `json:"clients"`
	Sessions    Sessions     `json:"sessions"`
	Server      Server       `json:"server"`
}

// Version is which FastMCP wrote the rows, as far as they show it.
type Version struct {
	Guess    string   `json:"guess"` // "" when nothing shows it
	Evidence []string `json:"evidence"`
}

// Collection counts the rows of one of FastMCP's collections.
type Collection struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	// Opened is how many rows each key opened, by its ID; those that are not encrypted are
	// under "plain".
	Opened     map[string]int64 `json:"opened_by_key"`
	Unreadable int64            `json:"unreadable"`       // no key opens them
	Malformed  int64            `json:"malformed"`        // open, but not a row of this collection
	Refused    int64            `json:"refused_as_plain"` // not encrypted, where that is not allowed
	Expired    int64            `json:"expired"`
}

// Plain is the name under which rows without encryption are counted.
const Plain = "plain"

// Clients counts registered clients.
type Clients struct {
	Total     int64 `json:"total"`
	Secrets   int64 `json:"with_secret"`   // FastMCP 2.13 wrote them, whose secret is enforced
	Documents int64 `json:"with_document"` // client ID metadata documents
	Ours      int64 `json:"of_mcpkeep"`    // registered at mcpkeep
	// Scopes are the scopes that clients registered with, the most frequent first.
	Scopes []string `json:"scopes"`
}

// Sessions says what becomes of the sign-ins.
type Sessions struct {
	Total   int64   `json:"total"` // that could be read
	Adopted int64   `json:"adopted"`
	Live    int64   `json:"live"` // that can be taken over, without the adopted ones
	Groups  []Group `json:"groups"`
	// Refused are those that cannot be taken over, by the reason.
	Refused []Refused `json:"not_adoptable"`
	// Legacy is how many have a refresh token that FastMCP 2.13.0 or 2.13.1 kept in memory.
	Legacy int64 `json:"legacy"`
	// Renewals is how many of the live ones need a new token from the provider first.
	Renewals int64 `json:"need_renewal"`
}

// How a session ends.
const (
	EndsWithRefresh = "refresh_token"
	EndsWithAccess  = "access_token"
)

// Group counts live sessions of one generation of rows that end in the same way.
type Group struct {
	Version  string     `json:"version"`
	EndsWith string     `json:"ends_with"`
	Sessions int64      `json:"sessions"`
	Until    *time.Time `json:"last_until"` // of the one that lives longest
}

// Refused counts sessions that cannot be taken over.
type Refused struct {
	Reason   string `json:"reason"`
	Sessions int64  `json:"sessions"`
}

// Server is what the rows say about the old server's addresses.
type Server struct {
	Issuers   []string `json:"issuers"`   // in client rows of FastMCP 4
	Resources []string `json:"resources"` // that clients asked for
}
