package storage

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/metadata"
)

// Hash is the SHA-256 of a code, token or cookie, base64url without padding (43
// characters). Values that are only verified are stored as hashes. A plain hash suffices
// because every such value has at least 130 random bits.
type Hash string

// HashOf returns the hash under which a code, token or cookie is stored.
func HashOf(value string) Hash {
	sum := sha256.Sum256([]byte(value))
	return Hash(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// Origin says how a client came to be known.
type Origin string

// The origins of clients.
const (
	OriginRegistered Origin = ""         // it registered
	OriginOperator   Origin = "operator" // an operator registered it, and vouches for it
	OriginDocument   Origin = "document" // by the metadata document whose URL is its ID
	// OriginVendor is for a document that could not be fetched: a copy of it ships
	// with the program.
	OriginVendor Origin = "vendor"
	// OriginUnread is for a document that could not be fetched and of which there is no
	// copy: a user approved the client without it.
	OriginUnread Origin = "unread"
)

// Client is a client: its registration (RFC 7591 §2) or the content of its metadata
// document.
type Client struct {
	ID string
	metadata.Client

	SecretHash Hash // "" when the client has no secret
	// RegistrationTokenHash is the hash of the registration access token (RFC 7592),
	// with which the client reads, changes and deletes its registration; "" for none.
	RegistrationTokenHash Hash
	// ClaimedName is what a client without a name calls itself, "" if it is not known.
	// Nothing proves it: see ClientStore.ClaimName.
	ClaimedName string
	CreatedAt   time.Time // zero when unknown
	Origin      Origin
	// NormalURIs: it registered at FastMCP, which keeps redirect URIs in the normal form of
	// fastmcp.NormalURL. They are compared in that form.
	NormalURIs bool
	// Document is the metadata document that FastMCP fetched for a client, at ConfirmedAt. It
	// counts while the document cannot be fetched; "" for none.
	Document string
	// ConfirmedAt is when the site of its metadata document last returned or confirmed
	// it. Unconfirmed: the site was unreachable when that was due, so the stored copy, or
	// the one that ships with the program, is used.
	ConfirmedAt time.Time
	Unconfirmed bool
	// Away: it is unconfirmed because its site cannot be reached or is out of order.
	Away bool
}

// Readopted reports whether a user let the client in under an ID that was unknown. Unlike
// one that registered here, it has no registration access token. One that another program
// registered is none, whatever its row says.
func (c Client) Readopted() bool {
	return c.Origin == OriginRegistered && !c.NormalURIs && c.RegistrationTokenHash == ""
}

// NameClaim is what a client calls itself in a request, fit to be shown in one line.
type NameClaim struct {
	ClientID string
	Name     string
	// Weak: the name of the program that sent the request may be a library's. It does not
	// replace a known claim.
	Weak bool
}

// Person is who signed in. Identity is (Issuer, Subject); the rest is profile.
type Person struct {
	Issuer  string
	Subject string
	Login   string
	Name    string
	Email   string
	// Domain is the Google Workspace of the account, "" for none.
	Domain string
	// Groups are those that the provider reported: groups of an OpenID provider, or
	// organizations and teams at GitHub. nil when it was not asked.
	Groups []string
	// Known names what the provider was asked, as identity.Fact; nil when that was not
	// recorded.
	Known []string
}

// User is a stored person.
type User struct {
	ID string
	Person
	// Limited: since it last confirmed the user, the provider refused to answer because of
	// a limit that only this account has met.
	Limited bool
}

// Request is a validated request to the authorization endpoint, with what the callback
// from the provider needs.
type Request struct {
	ClientID      string `json:"client_id"`
	RedirectURI   string `json:"redirect_uri"`
	State         string `json:"state,omitempty"`
	Scope         string `json:"scope"`
	Resource      string `json:"resource"`
	CodeChallenge string `json:"code_challenge"`
	// Readopt: the client ID was unknown or its document could not be fetched, and the user
	// is asked whether to register the client again under that ID.
	Readopt bool `json:"readopt,omitempty"`
	// Further: the client was readopted with other redirect URIs, and the user is asked
	// whether to send this response to RedirectURI.
	Further bool `json:"further,omitempty"`
	// Registration is the client as CarryClient carries it, in case it is evicted before
	// the sign-in ends; "" for a client that is not evicted.
	Registration string `json:"registration,omitempty"`
	// Provider is the issuer of the provider that the user was sent to; Verifier and
	// Nonce are mcpkeep's own for that request (RFC 7636, OpenID Connect).
	Provider string `json:"provider,omitempty"`
	Verifier string `json:"verifier,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
	// Next is the page to show after a sign-in that no client asked for; "" for the user's own.
	Next string `json:"next,omitempty"`
	// Reauthenticate: the provider was asked to authenticate the user again.
	Reauthenticate bool `json:"reauthenticate,omitempty"`
	// Transaction is FastMCP's, which sent the user to the provider; "" for a sign-in that
	// began here. There is no Provider then, and the user approves after the provider's answer.
	Transaction string `json:"transaction,omitempty"`
	// AskedUntil is when a replica that asks the provider who the user is counts as dead, in
	// Unix seconds; 0 when none asks. Answer is what the provider said, if the sign-in
	// could not be finished then: the provider says it once.
	AskedUntil int64         `json:"asked_until,omitempty"`
	Answer     *SignInAnswer `json:"answer,omitempty"`
}

// SignInAnswer is who signed in at a provider, and the provider's token.
type SignInAnswer struct {
	Person Person `json:"person"`
	Token  []byte `json:"token,omitempty"`
}

// Authorization is a sign-in in progress.
type Authorization struct {
	ID        string
	Browser   Hash // of the cookie of the browser it belongs to
	StateHash Hash // of the state sent to the provider, "" when there is none
	Request   Request
	UserID    string // who signed in, "" until then
	CreatedAt time.Time
	ExpiresAt time.Time
	Finished  bool
}

// Completion turns a sign-in in progress into a grant with a code.
type Completion struct {
	AuthorizationID string
	Browser         Hash
	// Person is who signed in at a provider; unused when the authorization
	// already knows its user.
	Person        Person
	ProviderToken []byte // sealed with the grant; nil when the provider gave none
	// Client is registered in the same step; nil for none. Grants to an earlier client with
	// this ID are revoked. One with OriginUnread becomes known by its redirect URI until its
	// document is fetched; nothing is revoked, because installations share the ID.
	Client *Client
	// Approved is the metadata of the client's row when the redirect URI was compared with
	// it; nil for a client without a row.
	Approved *metadata.Client
	// Further: the redirect URI is none of the client's. The client must be readopted, and
	// stays as it is: the URI is for this grant only.
	Further       bool
	GrantID       string
	Code          Hash
	CodeExpiresAt time.Time
}

// Grant records what a user granted a client. It is the root of a token family.
type Grant struct {
	ID         string
	UserID     string
	ClientID   string
	ClientName string // set in listings
	// ClaimedName is what a client without a name calls itself; set in listings.
	ClaimedName string
	Scope       string
	Resource    string
	// RedirectURI is where the code went, without the port of a loopback address; "" when
	// that is not known.
	RedirectURI string
	CreatedAt   time.Time
	LastUsedAt  time.Time
	// ReplacedAt is when a newer grant of the same user to the same installation of the
	// client came into use; zero for never, or when this one was used since.
	ReplacedAt time.Time
	// Adopted: it was made of a session of FastMCP.
	Adopted bool
	// Personal is what a personal token is, zero for the grant of an app; set in listings.
	Personal PersonalToken

	// The rest is set by RefreshGrant only.

	// Spent: the refresh token was already used. Another use yields nothing new; until
	// RepeatUntil it yields the same again.
	Spent    bool
	Repeat   Repeat // of a spent token
	Unused   bool   // UseTokens has to record the use of the token; unset for a spent one
	Provider ProviderState
}

// RepeatLife is how long a spent refresh token yields its successor again while no one has
// used that: as long as an answer may stay lost.
const RepeatLife = 24 * time.Hour

// Repeat is what decides whether a spent refresh token yields its successor again.
type Repeat struct {
	SpentAt time.Time
	// Tracked: the first use of the successor, or of an access token issued with it, is
	// recorded; FirstUse is when that was, zero for never.
	Tracked  bool
	FirstUse time.Time
}

// Until returns when a repeat becomes a reuse. The grace window starts when the answer has
// arrived for certain: with the first use of the successor. Until then the token can be
// repeated for RepeatLife. A successor whose use is not recorded counts as used when the
// token was spent. A window of 0 allows no repeat.
func (r Repeat) Until(grace time.Duration) time.Time {
	end := r.SpentAt.Add(RepeatLife)
	switch {
	case grace <= 0 || !r.Tracked:
		return r.SpentAt.Add(max(0, grace))
	case r.FirstUse.IsZero() || !r.FirstUse.Before(end):
		return end
	}
	return r.FirstUse.Add(grace)
}

// ProviderState is what is known about a user at the provider that signed them in.
type ProviderState struct {
	GrantID   string    // the grant that the token came with; "" when there is none
	Token     []byte    // nil when the provider gave none
	CheckedAt time.Time // when the provider last confirmed the user
	RetryAt   time.Time // earliest time to ask the provider again; zero for any time
	// CheckID identifies the latest check, "" when there was none, and CheckUntil when it
	// counts as abandoned, zero once it has finished.
	CheckID    string
	CheckUntil time.Time
	// Upstream are the tokens of the FastMCP session that the grant was made of, which
	// count instead of those in Token: FastMCP may have renewed them. nil for other grants,
	// and when the session is gone.
	Upstream *UpstreamTokens
}

// CheckUnderWay reports whether a check is in progress.
func (p ProviderState) CheckUnderWay(now time.Time) bool {
	return Ahead(p.CheckUntil, now, LongestLease)
}

// CheckAbandoned reports whether the last check never reported its result. The
// provider may have renewed the token for it, in which case this one is used up.
func (p ProviderState) CheckAbandoned(now time.Time) bool {
	return !p.CheckUntil.IsZero() && !p.CheckUnderWay(now)
}

// ProviderCheck is one attempt to ask a provider about a user.
type ProviderCheck struct {
	UserID   string // the user it is about
	GrantID  string // that holds the token: see ProviderState
	ID       string // random, of this attempt
	Previous string // ProviderState.CheckID as read before the attempt
	Until    time.Time
}

// ProviderAnswer is the result of a check.
type ProviderAnswer struct {
	Person *Person // owner of the token, nil unless the provider confirmed it
	Token  []byte  // the token to store; nil keeps the stored one
	// Upstream are the renewed tokens for the session that ProviderState.Upstream came
	// from; nil when they were not renewed.
	Upstream *UpstreamTokens
	RetryAt  time.Time // earliest time to ask again; zero for any time
	// Limited: the provider did not answer because of a limit of this account.
	Limited bool
	// Refused: the provider or the policy definitely refused the user.
	Refused bool
}

// NewToken is a token that the server is about to issue.
type NewToken struct {
	Value     string // stored as a hash; encrypted only as part of a successor
	ExpiresAt time.Time
}

// NewTokens are the two tokens of a token response.
type NewTokens struct {
	Access  NewToken
	Refresh NewToken
	Scope   string // of the access token; "" means the grant's
}

// CodeExchange is a request to redeem a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
type CodeExchange struct {
	Code        Hash
	ClientID    string
	RedirectURI string // "" when the request had none
	// NormalURI is the redirect URI in FastMCP's form, which is as good for a client that
	// FastMCP registered; "" for any other.
	NormalURI string
	Challenge string // S256 of the presented verifier
	Resource  string // resource in the request, "" for the granted one
	Next      NewTokens
}

// RefreshRotation is a request to refresh (RFC 6749 §6).
type RefreshRotation struct {
	Token    Hash
	ClientID string
	Grace    time.Duration // window of the idempotent retry, see Repeat.Until; 0 for no retry
	Next     NewTokens
}

// Issued is the result of the token endpoint.
type Issued struct {
	Grant  Grant
	Tokens NewTokens
	// Repeated: an earlier refresh already received this successor.
	Repeated bool
}

// Access is what a valid access token stands for.
type Access struct {
	GrantID    string
	ClientID   string
	User       User
	Scope      string
	Resource   string
	IssuedAt   time.Time
	ExpiresAt  time.Time
	LastUsedAt time.Time
	// ConfirmedAt is when the sign-in provider last confirmed the user, and RetryAt the
	// earliest time to ask it again after it did not answer. Both are zero for a user
	// whom no provider's token stands for.
	ConfirmedAt time.Time
	RetryAt     time.Time
	// Unused names the token's pair, by its refresh token, while no use of the pair is
	// recorded: UseTokens must record it before the response. "" for none.
	Unused Hash
	// Outage is why the database could not be queried; then this is its answer from at
	// most a few minutes ago. nil when it was queried.
	Outage error
}

// Stats are counts for operators.
type Stats struct {
	Clients    int64
	Users      int64
	LiveGrants int64
}

// Ceiling bounds the number of clients.
type Ceiling struct {
	Clients int64 // 0 for none
	// Unused is for the clients that registered themselves and were never used to sign in;
	// 0 for none.
	Unused int64
	// MinAge protects new registrations from eviction: what a client does with its ID next
	// is to open the sign-in page, which carries the registration from then on.
	MinAge time.Duration
}

// Retention is how long to keep data that has no expiry of its own.
type Retention struct {
	// Replaced is for grants that a newer one replaced, unless they are used; 0 keeps
	// them.
	Replaced time.Duration
	Grace    time.Duration // window of the repeat of a spent refresh token, which needs its encrypted successor
	Events   time.Duration // the audit trail; 0 forever
	Calls    time.Duration // its calls of tools; 0 for as long as the rest
	// UnusedClients applies to clients that registered themselves and were never used to
	// sign in; 0 forever.
	UnusedClients time.Duration
	// CountClients: there is a ceiling, so clients must be counted.
	CountClients bool
}
