package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep"
	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// storeFlags say where a FastMCP server keeps its rows.
type storeFlags struct {
	FastMCP      string `name:"fastmcp" env:"MCPKEEP_FASTMCP" default:"on" placeholder:"on|off" help:"Whether to take over the sessions of a FastMCP server that used this database: on or off."`
	FastMCPKeys  string `name:"fastmcp-keys" env:"MCPKEEP_FASTMCP_KEYS" placeholder:"KEYS" help:"What its rows are encrypted with, and what it has to read: Fernet keys, passphrase:TEXT:SALT, or plain if they are not; or file:PATH of a file with one of them. Default the encryption keys."`
	FastMCPTable string `name:"fastmcp-table" env:"MCPKEEP_FASTMCP_TABLE" placeholder:"TABLE" help:"The only table that its sessions and tokens are in: TABLE, TABLE:LAYOUT or TABLE:LAYOUT:PREFIX with the layout kv_store (py-key-value's PostgreSQL store) or oauth_clients, and the prefix of its collections. Default oauth_clients, and kv_store if the database has it."`
}

// scopeFlags say which scopes a FastMCP server asks clients for.
type scopeFlags struct {
	FastMCPScopes string `name:"fastmcp-scopes" env:"MCPKEEP_FASTMCP_SCOPES,FASTMCP_SERVER_AUTH_GITHUB_REQUIRED_SCOPES,FASTMCP_SERVER_AUTH_GOOGLE_REQUIRED_SCOPES" placeholder:"SCOPES" help:"Scopes that a FastMCP server asks clients for, separated by commas or spaces: clients that register here may ask for them there. Default user with github, openid with google."`
}

func (f scopeFlags) fastMCPScopes() []string {
	return strings.FieldsFunc(f.FastMCPScopes, func(r rune) bool { return strings.ContainsRune(` ,[]"'`, r) }) // JSON as well
}

// clientFlags are for commands that write or show clients as a server does.
type clientFlags struct {
	keyFlags
	scopeFlags
	Provider string `name:"provider" env:"MCPKEEP_PROVIDER" placeholder:"NAME" help:"The sign-in provider of serve, which --fastmcp-scopes depends on."`
}

// withClients is withConsole.
func (f *clientFlags) withClients(
	ctx context.Context, std streams, json bool, do func(context.Context, adminConsole) error,
) error {
	provider := providerFlags{Provider: f.Provider}
	if err := provider.likeFastMCP(nil); err != nil {
		return err
	}
	return f.withConsole(ctx, std, json, yesFlag{}, func(ctx context.Context, admin adminConsole) error {
		scope := app.FastMCP{Off: f.FastMCP == "off", Scopes: f.fastMCPScopes()}.SharedScope(provider.Provider)
		admin.store.ShareScope(scope)
		return do(ctx, admin)
	})
}

// fastmcpFlags say how to recognize what a FastMCP server handed out.
type fastmcpFlags struct {
	scopeFlags
	FastMCPJWTKey     string   `name:"fastmcp-jwt-key" env:"MCPKEEP_FASTMCP_JWT_KEY" placeholder:"KEY" help:"Its signing key: passphrase:TEXT (jwt_signing_key as a string), raw:BASE64 (as bytes), derived:TEXT, or file:PATH of a file with one of them. Default derived from the provider's client secret, as FastMCP does."`
	FastMCPPassphrase string   `name:"jwt-signing-key" env:"JWT_SIGNING_KEY,FASTMCP_SERVER_AUTH_GITHUB_JWT_SIGNING_KEY,FASTMCP_SERVER_AUTH_GOOGLE_JWT_SIGNING_KEY" hidden:"" help:"FastMCP's own variable, tried in addition to the default."`
	FastMCPIss        []string `name:"fastmcp-iss" env:"MCPKEEP_FASTMCP_ISS" placeholder:"TEXT" help:"Issuers (iss) of its tokens, exactly. Default the base URL with and without a final slash."`
	FastMCPLegacy     string   `name:"fastmcp-legacy-until" env:"MCPKEEP_FASTMCP_LEGACY_UNTIL" placeholder:"TIME" help:"With FastMCP 2.13.0 or 2.13.1, which kept refresh tokens in memory: take those issued before the first start of mcpkeep until this time, such as 2026-12-24T00:00:00Z, at most 31 days ahead. Default never."`
	IssuerSlash       bool     `name:"issuer-slash" env:"MCPKEEP_ISSUER_SLASH" help:"Publish the issuer with a final slash, as FastMCP does: for clients that keep what they know of a server under its issuer."`
	FastMCPAud        []string `name:"fastmcp-aud" env:"MCPKEEP_FASTMCP_AUD" placeholder:"TEXT" help:"Audiences (aud) of its tokens, exactly. Default the base URL followed by /mcp, with and without a final slash."`
}

// fastMCP checks the flag whose value is no boolean.
func (f *serveFlags) fastMCP() (mcpkeep.FastMCP, error) {
	set := mcpkeep.FastMCP{
		Off: f.FastMCP == "off", Keys: f.FastMCPKeys, Table: f.FastMCPTable, SigningKey: f.FastMCPJWTKey, Passphrase: f.FastMCPPassphrase, Issuers: f.FastMCPIss, Audiences: f.FastMCPAud,
		IssuerSlash: f.IssuerSlash,
		Scopes:      f.fastMCPScopes(),
	}
	if f.FastMCPLegacy != "" {
		until, err := time.Parse(time.RFC3339, f.FastMCPLegacy)
		if err != nil {
			return set, setting.Errorf("MCPKEEP_FASTMCP_LEGACY_UNTIL", "a time such as 2026-12-24T00:00:00Z", "%q is not a time", f.FastMCPLegacy)
		}
		set.LegacyUntil = until
	}
	if f.FastMCP != "on" && f.FastMCP != "off" {
		return set, setting.Errorf("MCPKEEP_FASTMCP", "on or off", "%q is not known", f.FastMCP)
	}
	return set, nil
}

// foreign finds the tables that a FastMCP server uses, for a command that changes its rows.
func (f *keyFlags) foreign(ctx context.Context, d *db.DB) (repo.Foreign, error) {
	theirs, err := app.FastMCP{Off: f.FastMCP == "off", Keys: f.FastMCPKeys, Table: f.FastMCPTable}.Foreign(ctx, d, slog.New(slog.DiscardHandler))
	return theirs, new(serveFlags).named(err)
}

// Variables of FastMCP that say more here than their values.
const (
	fastmcpGitHubID   = "FASTMCP_SERVER_AUTH_GITHUB_CLIENT_ID"
	fastmcpGoogleID   = "FASTMCP_SERVER_AUTH_GOOGLE_CLIENT_ID"
	fastmcpGitHubPath = "FASTMCP_SERVER_AUTH_GITHUB_REDIRECT_PATH"
	fastmcpGooglePath = "FASTMCP_SERVER_AUTH_GOOGLE_REDIRECT_PATH"
	fastmcpUsernames  = "GITHUB_ALLOWED_USERNAMES"
	everyone          = "*"
)

// configuredAsFastMCP reports whether the GitHub app came with FastMCP's variables, next to
// which the list of users has the name that it has there.
func (f *providerFlags) configuredAsFastMCP() bool {
	return f.Provider == app.GitHub && os.Getenv(fastmcpGitHubID) != "" && os.Getenv("MCPKEEP_GITHUB_CLIENT_ID") == "" &&
		os.Getenv("MCPKEEP_ALLOWED_USERS") == ""
}

// likeFastMCP fills in what FastMCP's own variables mean: the provider is the one whose
// credentials are set, and everyone may sign in if the list of users says so.
func (f *providerFlags) likeFastMCP(log *slog.Logger) error {
	atGitHub, atGoogle := os.Getenv(fastmcpGitHubID) != "", os.Getenv(fastmcpGoogleID) != ""
	switch {
	case f.Provider != "":
	case atGitHub && atGoogle:
		return setting.Errorf("MCPKEEP_PROVIDER", "github or google", "%s and %s are both set", fastmcpGitHubID, fastmcpGoogleID)
	case atGitHub:
		f.Provider = "github"
	case atGoogle:
		f.Provider = "google"
	}
	f.CallbackPath = pathLikeFastMCP(f.CallbackPath)
	if len(f.AllowedUsers) == 1 && f.AllowedUsers[0] == everyone && setting.Trim(os.Getenv(fastmcpUsernames)) == everyone &&
		os.Getenv("MCPKEEP_ALLOWED_USERS") == "" {
		f.AllowedUsers, f.AllowAnyone = nil, true
		if log != nil {
			log.WarnContext(context.Background(), "everyone with an account at the sign-in provider may sign in", "variable", fastmcpUsernames)
		}
	}
	return nil
}

// pathLikeFastMCP is the callback path of FastMCP's own variable as it reads it: with a first
// slash.
func pathLikeFastMCP(path string) string {
	if os.Getenv("MCPKEEP_CALLBACK_PATH") != "" || strings.HasPrefix(path, "/") {
		return path
	}
	for _, name := range []string{fastmcpGitHubPath, fastmcpGooglePath} {
		if value := os.Getenv(name); value != "" && value == path {
			return "/" + path
		}
	}
	return path
}
