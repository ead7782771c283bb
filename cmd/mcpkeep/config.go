package main

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/server"
)

// databaseFlags say where the data is.
type databaseFlags struct {
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" default:"sqlite:mcpkeep.db" placeholder:"URL" help:"sqlite:PATH, or a PostgreSQL URL or DSN."`
}

// keyFlags say with which keys what is in there was sealed.
type keyFlags struct {
	databaseFlags
	EncryptionKeys string `name:"encryption-keys" env:"MCPKEEP_ENCRYPTION_KEYS,OAUTH_STORAGE_ENCRYPTION_KEY" placeholder:"KEYS" help:"Comma-separated Fernet keys (the first seals, all open), or file:PATH. Default with SQLite: the file mcpkeep.key beside the database, made on first start."`
}

// serveFlags are the settings of serve.
type serveFlags struct {
	keyFlags
	BaseURL     string `name:"base-url" env:"MCPKEEP_BASE_URL,FASTMCP_SERVER_AUTH_GITHUB_BASE_URL,FASTMCP_SERVER_AUTH_GOOGLE_BASE_URL" placeholder:"URL" help:"Public origin and issuer, such as https://mcp.example.com. Default when listening on loopback: http://127.0.0.1:PORT; otherwise required."`
	Listen      string `name:"listen" env:"MCPKEEP_LISTEN" placeholder:"ADDR" help:"Listen address; port 0 picks a free one. Default 127.0.0.1:8080, or 0.0.0.0:$PORT when PORT is set."`
	Port        string `name:"port" env:"PORT" hidden:""`
	AutoMigrate bool   `name:"auto-migrate" env:"MCPKEEP_AUTO_MIGRATE" default:"true" negatable:"" help:"Bring the schema up to date at start."`

	providerFlags
	registrationFlags
	documentFlags
	LocalPassword string `kong:"-"` // MCPKEEP_LOCAL_PASSWORD: a variable only, since others can see arguments

	AccessTokenTTL  time.Duration `name:"access-token-ttl" env:"MCPKEEP_ACCESS_TOKEN_TTL" default:"1h" help:"Lifetime of access tokens. Below 10m some clients refresh before every request."`
	RefreshTokenTTL time.Duration `name:"refresh-token-ttl" env:"MCPKEEP_REFRESH_TOKEN_TTL" default:"2160h" help:"Lifetime of refresh tokens since last use."`
	ProviderGrace   time.Duration `name:"provider-grace" env:"MCPKEEP_PROVIDER_GRACE" default:"24h" help:"How long sessions go on that the sign-in provider could not be asked about; 0 for not at all."`
	RefreshGrace    time.Duration `name:"refresh-grace" env:"MCPKEEP_REFRESH_GRACE" default:"2m" help:"How long a repeated refresh is answered with the same successor; 0 turns it off."`

	OpenAIChallenge string `name:"openai-apps-challenge" env:"MCPKEEP_OPENAI_APPS_CHALLENGE" placeholder:"TEXT" help:"Text served at /.well-known/openai-apps-challenge, by which OpenAI verifies the domain of an app."`

	EventsTTL time.Duration `name:"events-ttl" env:"MCPKEEP_EVENTS_TTL" default:"2160h" help:"How long the audit trail is kept; 0 keeps it for ever."`

	LogFormat string `name:"log-format" env:"MCPKEEP_LOG_FORMAT" enum:",text,json" default:"" placeholder:"FORMAT" help:"text or json. Default text on a terminal, json otherwise."`
	LogLevel  string `name:"log-level" env:"MCPKEEP_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
}

// listenAddress returns the address to listen on.
func (f *serveFlags) listenAddress() (string, error) {
	switch {
	case f.Listen != "":
		if _, _, err := net.SplitHostPort(f.Listen); err != nil {
			return "", usagef("MCPKEEP_LISTEN (--listen): %q is not an address; want host:port, such as 127.0.0.1:8080", f.Listen)
		}
		return f.Listen, nil
	case f.Port != "":
		if _, err := netip.ParseAddrPort("0.0.0.0:" + f.Port); err != nil {
			return "", usagef("PORT: %q is not a port; want a number from 0 to 65535", f.Port)
		}
		return "0.0.0.0:" + f.Port, nil
	}
	return "127.0.0.1:8080", nil
}

// isLoopback says whether a host names this machine and nothing else.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// publicURL returns the base URL for a server that listens on addr.
func (f *serveFlags) publicURL(addr *net.TCPAddr) (string, error) {
	if f.BaseURL == "" {
		if !addr.IP.IsLoopback() {
			return "", usagef("MCPKEEP_BASE_URL (--base-url): required when not listening on loopback; want the public origin, such as https://mcp.example.com")
		}
		return "http://" + addr.String(), nil
	}
	u, err := url.Parse(strings.TrimSuffix(f.BaseURL, "/"))
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return "", usagef("MCPKEEP_BASE_URL (--base-url): %q is not usable; want an https origin without path, such as https://mcp.example.com (http only on loopback)", f.BaseURL)
	}
	// Clients compare the issuer as a string, and leave out a default port.
	defaultPort := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(strings.ToLower(u.Host), defaultPort), nil
}

// lifetimes checks the durations.
func (f *serveFlags) lifetimes() (server.Lifetimes, error) {
	const longest = 24 * time.Hour
	l := server.Lifetimes{
		AccessToken: f.AccessTokenTTL, RefreshToken: f.RefreshTokenTTL, Grace: f.RefreshGrace, ProviderGrace: f.ProviderGrace,
	}
	switch {
	case l.AccessToken < time.Second || l.AccessToken > longest:
		return l, usagef("MCPKEEP_ACCESS_TOKEN_TTL (--access-token-ttl): %v is out of range; want 1s to 24h", l.AccessToken)
	case l.RefreshToken < l.AccessToken:
		return l, usagef("MCPKEEP_REFRESH_TOKEN_TTL (--refresh-token-ttl): %v is out of range; want at least the access token's %v", l.RefreshToken, l.AccessToken)
	case l.Grace < 0 || l.Grace > longest:
		return l, usagef("MCPKEEP_REFRESH_GRACE (--refresh-grace): %v is out of range; want 0 to 24h", l.Grace)
	case l.ProviderGrace < 0:
		return l, usagef("MCPKEEP_PROVIDER_GRACE (--provider-grace): %v is out of range; want 0 or more", l.ProviderGrace)
	case f.EventsTTL < 0:
		return l, usagef("MCPKEEP_EVENTS_TTL (--events-ttl): %v is out of range; want 0 (for ever) or more", f.EventsTTL)
	}
	return l, nil
}
