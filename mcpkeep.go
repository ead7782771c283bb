// Package mcpkeep protects an MCP server with OAuth 2.1: it registers MCP clients,
// signs people in at a provider, asks for their consent, and hands the server's
// handler only requests with a valid access token. It stores its state in SQL, encrypted,
// so that clients stay signed in across restarts and replicas.
//
//	keep, err := mcpkeep.Open(ctx, mcpkeep.Config{
//		BaseURL:     "https://mcp.example.com",
//		DatabaseURL: os.Getenv("DATABASE_URL"),
//		Keys:        os.Getenv("ENCRYPTION_KEYS"),
//		Provider:    mcpkeep.GitHub(id, secret),
//		Allow:       mcpkeep.Allow{Orgs: []string{"my-company"}},
//	})
//	...
//	defer keep.Close()
//	http.ListenAndServe(addr, keep.Handler(mcpHandler))
//
// A tool calls [PersonFrom] to learn who called it. For an MCP server that runs elsewhere
// there is package bearer.
package mcpkeep

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mcpkeep/mcpkeep/internal/app"
)

// Keep is an authorization server with its database. It is safe for concurrent use.
type Keep struct{ app *app.App }

// Open checks the configuration, opens the database and the keys, migrates the schema and
// starts background work, which deletes expired data and revokes unused provider tokens.
// The context only bounds Open, which waits up to 30 seconds for the database.
//
// An error about a setting names its field, such as "Config.Allow.Users", what is wrong
// with it and what is accepted; no error holds a secret.
func Open(ctx context.Context, cfg Config) (*Keep, error) {
	a, err := app.Open(ctx, cfg.settings())
	if err != nil {
		return nil, err
	}
	return &Keep{app: a}, nil
}

// Handler returns a handler for the whole origin: discovery (/.well-known/), /register,
// /authorize, /consent, /auth/callback, /token, /revoke, /introspect, the health checks
// /healthz and /readyz (and /health, /ready), and mcp at /mcp. Only requests with a valid access token reach
// mcp, without their Authorization and Cookie headers and with the caller in their
// context (see [PersonFrom]). It enforces the Host and Origin rules of the MCP
// specification, so mcp needs no such checks. A nil mcp is mcpkeep's own MCP server,
// whose tools show people their connections.
func (k *Keep) Handler(mcp http.Handler) http.Handler { return k.app.Handler(mcp) }

// Close stops the background work, waits a few seconds for pending requests to the
// provider, and closes the database unless it is Config.Pool. Shut
// the HTTP server down first.
func (k *Keep) Close() error { return k.app.Close() }

// Config is what [Open] needs. The zero value of each field is its default; only
// BaseURL is always required, and Provider with Allow unless BaseURL is on loopback.
type Config struct {
	// BaseURL is the public origin and the issuer: scheme and host without a path, such
	// as "https://mcp.example.com". Plain http is accepted on loopback, and with AllowHTTP.
	BaseURL string
	// Names are further origins that lead here, such as one inside a cluster. A token is
	// good at all of them. A BaseURL on loopback has 127.0.0.1, localhost and [::1].
	Names []string
	// AllowHTTP accepts plain http origins on private networks.
	AllowHTTP bool
	// AllowedOrigins are the origins of web pages that may call the MCP endpoint, or schemes
	// of apps such as "chrome-extension:". Own pages and those on loopback always may.
	AllowedOrigins []string
	// Name of the server, on pages and in its metadata. Default "mcpkeep".
	Name string

	// DatabaseURL is "sqlite:PATH", or a PostgreSQL URL or DSN. Default
	// "sqlite:mcpkeep.db".
	DatabaseURL string
	// MigrateDatabaseURL is for migrations in place of DatabaseURL or Pool: the URL of
	// another role, or past a pooler in transaction mode. Its role then gives the rights
	// on the tables to the other one. Default none.
	MigrateDatabaseURL string
	// Pool is the program's own PostgreSQL pool, in place of DatabaseURL. mcpkeep
	// neither configures nor closes it, holds a connection only while it runs a statement
	// or a transaction, and sees the tables in the search_path that the pool's
	// connections have. Migrations take one connection of their own. Behind a pooler in
	// transaction mode, its default_query_exec_mode must be exec. The tables of
	// mcpkeep are oauth_clients and mcpkeep_*; it touches no others.
	Pool *pgxpool.Pool
	// NoAutoMigrate leaves the schema to `mcpkeep migrate up`. While it is too old,
	// /readyz says so.
	NoAutoMigrate bool

	// Keys encrypt the secrets in the database: Fernet keys separated by commas, of which
	// the first encrypts and all decrypt, or "file:PATH" for a file that holds them.
	// Default, with SQLite only: the file mcpkeep.key next to the database, which is made
	// at the first start. `mcpkeep keys generate` makes a key.
	Keys string

	// Provider signs people in. Default [Local] when BaseURL is on loopback; otherwise
	// required.
	Provider Provider
	// Allow says who may sign in. Default no one; [Local] does not look at it.
	Allow Allow
	// Admins may see and delete everyone's clients with the built-in tools: entries as in
	// Allow.Users. Default no one.
	Admins []string
	// NoAdminPages leaves out the pages at /admin, where Admins, or the local provider's user,
	// see and end everyone's connections.
	NoAdminPages bool

	Lifetimes    Lifetimes
	Registration Registration
	// PersonalTokens says who may make and use tokens for scripts, each for themselves: "off",
	// "on" or "admins" (who are in Admins). Default "off".
	PersonalTokens string
	// Readopt says which clients with an unknown id a user may re-register on the consent
	// page: "off", "known" (on the user's machine, or a known vendor's) or "open" (any).
	// Default "known".
	Readopt string
	// ReadoptRedirects are further redirect URIs whose clients are known ones. Default none.
	ReadoptRedirects []string
	Documents        Documents
	FastMCP          FastMCP

	// Brand says whose pages they are.
	Brand Brand
	// OpenAIChallenge is served at /.well-known/openai-apps-challenge. Default none.
	OpenAIChallenge string
	// Logger gets a line for each request and for what goes wrong, without secrets.
	// Default [slog.Default].
	Logger *slog.Logger
	// EventsLog has Logger get a line for each event of the audit trail that any program
	// commits to the database, at least once.
	EventsLog bool
}

// Allow says who may sign in: everyone who is on one of the lists. Membership is
// checked again at each refresh, and during calls: see Lifetimes.Recheck.
type Allow struct {
	Users   []string // logins, verified email addresses, or "sub:" and the provider's id of the account
	Domains []string // of verified email addresses or Google Workspaces, without subdomains
	Orgs    []string // GitHub organizations, or teams as "org/team"
	Groups  []string // of an OpenID provider
	Anyone  bool     // everyone the provider signs in; not together with the lists
}

// Brand is what the pages show of who runs the server. Their words stay the same.
type Brand struct {
	Logo    string // path of a PNG or SVG file of at most 256 kB; an SVG of plain shapes only
	Accent  string // "#rrggbb", from which legible shades are derived; default a green
	Support string // mail address or https URL, on pages about errors
	Terms   string // https URL of the terms of service, on each page and in the metadata
	Privacy string // https URL of the privacy policy, likewise
}

// Off in [Lifetimes] stands for no time at all.
const Off time.Duration = app.Off

// Lifetimes bound what is handed out and kept. Zero is the default.
type Lifetimes struct {
	AccessToken   time.Duration // 1s to 24h; default 12h
	RefreshToken  time.Duration // since its last use; at least AccessToken; default 2160h
	RefreshGrace  time.Duration // in which a repeated refresh gets the same tokens, from their first use on; up to 24h; default 2m
	Recheck       time.Duration // age of the provider's last answer at which a call asks again; Off: only refreshes ask; default 1h
	ProviderGrace time.Duration // that sessions survive while the provider cannot be reached; default 24h
	Events        time.Duration // that the audit trail is kept, Off forever; default 2160h
	CallEvents    time.Duration // that calls of tools are in it, at most Events; Off: as long as other events; default 720h
}

// Registration says which clients may register themselves (RFC 7591).
type Registration struct {
	Mode       string        // "open", "allowlist" (loopback clients and Hosts) or "closed"; default "open"
	Hosts      []string      // of redirect URIs, such as "claude.ai", and schemes, such as "cursor:"
	MaxClients int64         // beyond it, unused clients are evicted; default any number
	UnusedFor  time.Duration // after which a client that was never used is deleted, at least 1h; default never
}

// Documents says which clients may identify themselves by a client ID metadata document.
type Documents struct {
	Off      bool     // none
	Hosts    []string // that documents are accepted from; default any, and none when Registration is closed
	Networks []string // private networks (CIDR) that documents and keys may be fetched from; default none
}

// FastMCP says how to recognize the tokens of a FastMCP server that used this database at
// this BaseURL. Its sessions continue here without a new sign-in, for users that Allow lets
// in.
type FastMCP struct {
	Off bool // look at no token of FastMCP
	// SigningKey is its key: "passphrase:" and what was given to jwt_signing_key as a
	// string, "raw:" and base64 of what was given as bytes, or "derived:" and the 44
	// characters that FastMCP derived; or "file:PATH" of a file with one of them. Default
	// derived from the provider's client secret, as FastMCP does.
	SigningKey string
	// Passphrase is a jwt_signing_key that may be in use: it is tried in addition to the
	// default.
	Passphrase string
	Issuers    []string // iss of its tokens, exactly; default BaseURL with and without a final slash
	Audiences  []string // aud of its tokens, exactly; default BaseURL and "/mcp", with and without a final slash
	// Scopes are those that it asks clients for. Clients that register here may ask for them
	// there, should it serve again. Default "user" with GitHub and "openid" with Google.
	Scopes []string
	// LegacyUntil, at most 31 days ahead, is until when refresh tokens without a row of their
	// own are taken, of a FastMCP 2.13.0 or 2.13.1 that served until this program first
	// started. Default never: with later versions a missing row can mean that a token was
	// revoked.
	LegacyUntil time.Time
	// Keys are what its rows are encrypted with: Fernet keys, "passphrase:TEXT:SALT" (what was
	// given as source_material and salt), or "plain" where they are not; or "file:PATH" of a
	// file with one of them. Default Keys of the Config.
	Keys string
	// Table is the only table that it keeps its rows in, and after a colon the layout: kv_store as
	// py-key-value's PostgreSQL store, the default, or oauth_clients. After another colon, the
	// prefix of its collections. Default oauth_clients, and kv_store if the database has it.
	Table string
	// IssuerSlash publishes the issuer with FastMCP's final slash, in both metadata documents
	// and as iss: for clients that file what they know of this server under that text.
	IssuerSlash bool
}

// settings are the configuration for the package that puts the parts together.
func (c Config) settings() app.Settings {
	return app.Settings{
		BaseURL: c.BaseURL, Names: c.Names, AllowHTTP: c.AllowHTTP, AllowedOrigins: c.AllowedOrigins, Name: c.Name, DatabaseURL: c.DatabaseURL, MigrateDatabaseURL: c.MigrateDatabaseURL,
		Pool: c.Pool, NoAutoMigrate: c.NoAutoMigrate,
		Keys: c.Keys, Provider: app.Provider(c.Provider), Allow: app.Allow(c.Allow), Admins: c.Admins, NoAdminPages: c.NoAdminPages,
		Lifetimes: app.Lifetimes(c.Lifetimes), Registration: app.Registration(c.Registration), Readopt: c.Readopt, ReadoptRedirects: c.ReadoptRedirects,
		Documents: app.Documents(c.Documents), FastMCP: app.FastMCP(c.FastMCP), OpenAIChallenge: c.OpenAIChallenge, Brand: app.Brand(c.Brand), Logger: c.Logger, EventsLog: c.EventsLog,
		PersonalTokens: c.PersonalTokens,
	}
}

func init() { //nolint:gochecknoinits // lets the command line's checks read a Config without a public method
	app.SettingsOf = func(config any) app.Settings {
		c, _ := config.(Config)
		return c.settings()
	}
}
