package storage

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Hash is the SHA-256 of a code, token or cookie, base64url without padding (43
// characters): what is only verified is kept as a hash. A plain hash is right
// because every such value carries 130 random bits or more.
type Hash string

// HashOf returns the hash under which a code, token or cookie is kept.
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
	OriginDocument   Origin = "document" // by the metadata document at the URL that is its id
	// OriginVendor is for a document that could not be fetched: a copy of it ships
	// with the program.
	OriginVendor Origin = "vendor"
)

// Client is a client: what it registered (RFC 7591 §2), or what its metadata
// document says.
type Client struct {
	ID            string
	Name          string
	URI           string
	RedirectURIs  []string // exactly as registered
	GrantTypes    []string
	ResponseTypes []string
	Scope         string // space-delimited; what the client registered for
	// AuthMethod is the token endpoint authentication method: "none",
	// "client_secret_post", "client_secret_basic", "private_key_jwt"; or "" for a row
	// of another program that did not record one, and for a client that was registered
	// anew: then a secret is required if SecretHash is set and ignored otherwise.
	AuthMethod string
	// AuthMethods lists all methods that may be used, when a metadata document names
	// several; otherwise it is nil and AuthMethod is the only one.
	AuthMethods []string
	// The keys of private_key_jwt: JWKS is a JSON Web Key Set, JWKSURI is where it is
	// to be fetched; SigningAlg is the only algorithm to be accepted, "" for any.
	JWKS, JWKSURI, SigningAlg string
	SecretHash                Hash // "" when the client has no secret
	// RegistrationTokenHash is of the registration access token (RFC 7592), with
	// which the client reads, changes and deletes its registration; "" for none.
	RegistrationTokenHash Hash
	ApplicationType       string
	SoftwareID            string
	SoftwareVersion       string
	CreatedAt             time.Time // zero when unknown
	Origin                Origin
	// ConfirmedAt is when the site of its metadata document last gave or confirmed
	// it. Unconfirmed: it could not be asked when that was due, and what is known
	// from before, or ships with the program, stands in.
	ConfirmedAt time.Time
	Unconfirmed bool
}

// Person is who signed in. Identity is (Issuer, Subject); the rest is profile.
type Person struct {
	Issuer  string
	Subject string
	Login   string
	Name    string
	Email   string
}

// User is a person on record.
type User struct {
	ID string
	Person
}

// Request is what a client asked for at the authorization endpoint, validated,
// and what the way back from the provider needs.
type Request struct {
	ClientID      string `json:"client_id"`
	RedirectURI   string `json:"redirect_uri"`
	State         string `json:"state,omitempty"`
	Scope         string `json:"scope"`
	Resource      string `json:"resource"`
	CodeChallenge string `json:"code_challenge"`
	// Readopt: the client's id was not known, and the person is asked whether it
	// may be registered anew under that id.
	Readopt bool `json:"readopt,omitempty"`
	// Provider is the issuer of the provider that the person was sent to; Verifier and
	// Nonce are ours towards it (RFC 7636, OpenID Connect).
	Provider string `json:"provider,omitempty"`
	Verifier string `json:"verifier,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
}

// Authorization is a sign-in in flight.
type Authorization struct {
	ID        string
	Browser   Hash // of the cookie of the browser it belongs to
	StateHash Hash // of the state sent to the provider, "" when there is none
	Request   Request
	UserID    string // who signed in, "" before that
	CreatedAt time.Time
	ExpiresAt time.Time
	Finished  bool
}

// Completion is what turns a sign-in in flight into a grant with a code.
type Completion struct {
	AuthorizationID string
	Browser         Hash
	// Person is who signed in at a provider; unused when the authorization
	// already knows its user.
	Person        Person
	ProviderToken []byte // sealed with the grant; nil when the provider gave none
	// Client is registered in the same step, unless there is one of this id; nil for
	// none. What was granted to a client of this id before is revoked.
	Client        *Client
	GrantID       string
	Code          Hash
	CodeExpiresAt time.Time
}

// Grant is what a person allowed a client: the root of its family of tokens.
type Grant struct {
	ID         string
	UserID     string
	ClientID   string
	ClientName string // set in listings
	Scope      string
	Resource   string
	CreatedAt  time.Time
	LastUsedAt time.Time

	// The rest is set by RefreshGrant only.

	// Spent: the refresh token was used before. Another use brings nothing new.
	Spent    bool
	Provider ProviderState
}

// ProviderState is what is known of a person at the provider that signed them in.
type ProviderState struct {
	GrantID   string    // of the grant that the token came with; "" when there is none
	Token     []byte    // nil when the provider gave none
	CheckedAt time.Time // when the provider confirmed the person last
	RetryAt   time.Time // the provider is not to be asked before; zero when it may be
	// CheckID is of the latest check, "" when there was none, and CheckUntil when it
	// counts as abandoned, zero once it has finished.
	CheckID    string
	CheckUntil time.Time
}

// CheckUnderWay says whether somebody is asking the provider just now.
func (p ProviderState) CheckUnderWay(now time.Time) bool {
	return !p.CheckUntil.IsZero() && now.Before(p.CheckUntil)
}

// CheckAbandoned says whether whoever asked last never said what came of it. The
// provider may have renewed the token for them, and then this one is spent.
func (p ProviderState) CheckAbandoned(now time.Time) bool {
	return !p.CheckUntil.IsZero() && !now.Before(p.CheckUntil)
}

// ProviderCheck is one attempt to ask a provider about a person.
type ProviderCheck struct {
	UserID   string // whom it is about
	GrantID  string // that holds the token: see ProviderState
	ID       string // random, of this attempt
	Previous string // ProviderState.CheckID as it was looked at before
	Until    time.Time
}

// ProviderAnswer is what a provider said and gave.
type ProviderAnswer struct {
	Person  *Person   // who the token belongs to, nil unless the person was confirmed
	Token   []byte    // the one to keep from now on; nil leaves the stored one
	RetryAt time.Time // when to ask again at the earliest; zero for at any time
	// Refused: the provider or the policy says no, for certain.
	Refused bool
}

// NewToken is a token the server has made and is about to hand out.
type NewToken struct {
	Value     string // kept as a hash; sealed only as part of a successor
	ExpiresAt time.Time
}

// NewTokens are the two tokens of one answer of the token endpoint.
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
	Challenge   string // S256 of the presented verifier
	Next        NewTokens
}

// RefreshRotation is a request to refresh (RFC 6749 §6).
type RefreshRotation struct {
	Token    Hash
	ClientID string
	Grace    time.Duration // window of the idempotent retry; 0 for none
	Next     NewTokens
}

// Issued is what the token endpoint answers with.
type Issued struct {
	Grant  Grant
	Tokens NewTokens
	// Repeated: this is the successor that an earlier refresh already got.
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
	// Outage is why the database could not be asked; then this is what it said
	// some minutes ago at most. nil when it was asked.
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
	// MinAge is how long a registration is kept although nobody uses it yet and
	// another one needs the room: somebody may be in the middle of a sign-in.
	MinAge time.Duration
}

// Retention is how long what does not expire by itself is kept.
type Retention struct {
	Grace  time.Duration // seals of successors, after the refresh token was spent
	Events time.Duration // the audit trail; 0 for ever
	// UnusedClients is for those that registered by themselves and that nobody has
	// signed in with; 0 for ever.
	UnusedClients time.Duration
	// CountClients: there is a ceiling, so their number has to be known.
	CountClients bool
}
