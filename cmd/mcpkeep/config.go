package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep"
	"github.com/mcpkeep/mcpkeep/internal/app"
	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/setting"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// googleIAM is the value of MCPKEEP_DATABASE_AUTH for Cloud SQL.
const googleIAM = "google-iam"

// databaseFlags say where the data is.
type databaseFlags struct {
	DatabaseURL  string `name:"database-url" env:"DATABASE_URL" default:"sqlite:mcpkeep.db" placeholder:"URL" help:"sqlite:PATH, a PostgreSQL URL or DSN, file:PATH of a file that contains one, or gcpsecret:NAME."`
	DatabaseAuth string `name:"database-auth" env:"MCPKEEP_DATABASE_AUTH" enum:"password,google-iam" default:"password" placeholder:"KIND" help:"password, as the URL says; or google-iam: log in to Cloud SQL as the service account, without one."`
	MaxConns     int    `name:"database-max-conns" env:"MCPKEEP_DATABASE_MAX_CONNS" default:"0" placeholder:"N" help:"Most connections to PostgreSQL; 0 is pool_max_conns in the URL, or 10, on Cloud Run 4."`
}

// readURL reads the URL from its file if it is file:PATH.
func (f *databaseFlags) readURL() error {
	if f.MaxConns < 0 {
		return setting.Errorf("MCPKEEP_DATABASE_MAX_CONNS", "a number of connections, or 0 for the default", "%d is out of range", f.MaxConns)
	}
	value, err := setting.Secret(f.DatabaseURL)
	if err != nil {
		return fmt.Errorf("DATABASE_URL (--database-url): %w", err)
	}
	f.DatabaseURL = value
	if _, ok := db.WithGoogleLogin(value); f.DatabaseAuth == googleIAM && !ok {
		return setting.Errorf("MCPKEEP_DATABASE_AUTH", "password, or google-iam with a PostgreSQL URL in DATABASE_URL", "the database is not PostgreSQL")
	}
	return nil
}

// migrateURL reads the URL for migrations, from its file if it is file:PATH.
func (f *databaseFlags) migrateURL(url string) (string, error) {
	value, err := setting.Secret(url)
	if err != nil {
		return "", fmt.Errorf("MCPKEEP_MIGRATE_DATABASE_URL (--migrate-database-url): %w", err)
	}
	return f.logIn(value), nil
}

// migrateFlags say where to migrate.
type migrateFlags struct {
	MigrateURL string `name:"migrate-database-url" env:"MCPKEEP_MIGRATE_DATABASE_URL" placeholder:"URL" help:"PostgreSQL URL for migrations: of another role, or past a pooler in transaction mode. Default: the database URL."`
}

// cloudRunConns is the size of the pool of a Cloud Run service: there may be many instances,
// and the smallest servers take 25 connections.
const cloudRunConns = 4

// url is the database's URL with the size of the pool.
func (f *databaseFlags) url() string {
	url := db.WithMaxConns(f.DatabaseURL, f.MaxConns)
	if f.MaxConns == 0 && serviceName() != "" {
		url = db.WithDefaultMaxConns(url, cloudRunConns)
	}
	return f.logIn(url)
}

// logIn is a URL whose connections log in in the way of the setting.
func (f *databaseFlags) logIn(url string) string {
	if f.DatabaseAuth == googleIAM {
		url, _ = db.WithGoogleLogin(url)
	}
	return url
}

// keyFlags say with which keys what is in there was sealed.
type keyFlags struct {
	databaseFlags
	storeFlags
	EncryptionKeys string `name:"encryption-keys" env:"MCPKEEP_ENCRYPTION_KEYS,OAUTH_STORAGE_ENCRYPTION_KEY" placeholder:"KEYS" help:"Comma-separated Fernet keys (the first encrypts, all decrypt), file:PATH or gcpsecret:NAME. Default with SQLite: the file mcpkeep.key next to the database, created on first start."`
}

// serveFlags are the settings of serve.
type serveFlags struct {
	keyFlags
	BaseURL        string        `name:"base-url" env:"MCPKEEP_BASE_URL,FASTMCP_SERVER_AUTH_GITHUB_BASE_URL,FASTMCP_SERVER_AUTH_GOOGLE_BASE_URL" placeholder:"URL" help:"Public origin and issuer, such as https://mcp.example.com; further origins of this server follow, comma-separated. Default when listening on loopback: http://127.0.0.1:PORT; on Cloud Run the address of the service; otherwise required."`
	AllowHTTP      bool          `name:"allow-http" env:"MCPKEEP_ALLOW_HTTP" help:"Accept base URLs with plain http on private networks. Others on the network can read passwords and tokens."`
	AllowedOrigins []string      `name:"allowed-origins" env:"MCPKEEP_ALLOWED_ORIGINS" placeholder:"ORIGIN" help:"Origins of web pages that may call the MCP endpoint, such as https://app.example.com, or schemes of apps, such as chrome-extension:. Pages of this server and of this machine always may."`
	Upstream       string        `name:"upstream" env:"MCPKEEP_UPSTREAM" placeholder:"URL" help:"MCP server to protect at /mcp, such as http://127.0.0.1:9000/mcp or unix:/run/mcp.sock:/mcp. Only signed-in users reach it, and it learns who calls. The built-in tools are at /mcpkeep/mcp then. For a server that speaks stdio, put its command after -- instead. Default: the built-in tools at /mcp."`
	Config         string        `name:"config" env:"MCPKEEP_CONFIG" placeholder:"FILE" help:"YAML or JSON file that names the MCP servers to protect, in the mcpServers object of MCP clients: see docs/gateway.md. Not together with MCPKEEP_UPSTREAM. The server reads it again at SIGHUP. Default none."`
	Command        []string      `kong:"-"` // after "--"
	Name           string        `name:"name" env:"MCPKEEP_NAME" default:"mcpkeep" placeholder:"TEXT" help:"Name of this server on pages, in its metadata and in MCP's serverInfo."`
	Listen         string        `name:"listen" env:"MCPKEEP_LISTEN" placeholder:"ADDR" help:"Listen address; port 0 picks a free port. Default 127.0.0.1:8080, 0.0.0.0:$PORT when PORT is set, :443 for HTTPS."`
	Port           string        `name:"port" env:"PORT" hidden:"" help:"Port to listen on at all addresses; platforms set it."`
	Drain          time.Duration `name:"drain" env:"MCPKEEP_DRAIN" default:"1s" help:"At SIGTERM, how long to keep accepting requests while /readyz returns 503, so that load balancers look elsewhere; up to 1m."`
	MaxInstances   int           `name:"max-instances" env:"MCPKEEP_MAX_INSTANCES" default:"0" placeholder:"N" help:"How many replicas there may be, as --max-instances of a Cloud Run service says; 0 if that is not known. Doctor compares their connections with what the database has."`
	AllowEphemeral bool          `name:"allow-ephemeral" env:"MCPKEEP_ALLOW_EPHEMERAL" help:"On Cloud Run, accept an SQLite file that each deployment loses."`
	migrateFlags
	AutoMigrate bool `name:"auto-migrate" env:"MCPKEEP_AUTO_MIGRATE" default:"true" negatable:"" help:"Migrate the schema on start."`

	brandFlags
	tlsFlags
	providerFlags
	registrationFlags
	documentFlags
	adminFlags
	fastmcpFlags
	LocalPassword string `kong:"-"` // MCPKEEP_LOCAL_PASSWORD: a variable only, since others can see arguments

	AccessTokenTTL  time.Duration `name:"access-token-ttl" env:"MCPKEEP_ACCESS_TOKEN_TTL" default:"12h" help:"Lifetime of access tokens. Below 10m, some clients refresh before every request."`
	RefreshTokenTTL time.Duration `name:"refresh-token-ttl" env:"MCPKEEP_REFRESH_TOKEN_TTL" default:"2160h" help:"Lifetime of refresh tokens since their last use."`
	Recheck         time.Duration `name:"recheck" env:"MCPKEEP_RECHECK" default:"1h" help:"How old the sign-in provider's confirmation of a user may be before a call asks again; with 0 only refreshes ask."`
	ProviderGrace   time.Duration `name:"provider-grace" env:"MCPKEEP_PROVIDER_GRACE" default:"24h" help:"How long sessions survive while the sign-in provider is unreachable; 0 disables the grace period."`
	RefreshGrace    time.Duration `name:"refresh-grace" env:"MCPKEEP_REFRESH_GRACE" default:"2m" help:"How long a repeated refresh returns the same new tokens after their first use (before it: for a day); 0 disables repeats."`

	personalFlags

	OpenAIChallenge string `name:"openai-apps-challenge" env:"MCPKEEP_OPENAI_APPS_CHALLENGE" placeholder:"TEXT" help:"Text served at /.well-known/openai-apps-challenge, which OpenAI uses to verify an app's domain."`

	EventsTTL     time.Duration `name:"events-ttl" env:"MCPKEEP_EVENTS_TTL" default:"2160h" help:"How long to keep the audit trail; 0 keeps it forever."`
	CallEventsTTL time.Duration `name:"call-events-ttl" env:"MCPKEEP_CALL_EVENTS_TTL" default:"720h" help:"How long calls of tools are in the audit trail, at most as long as other events; 0: as long."`

	EventsLog bool `name:"events-log" env:"MCPKEEP_EVENTS_LOG" help:"Write each committed event of the audit trail as a log line, at least once."`

	LogFormat string `name:"log-format" env:"MCPKEEP_LOG_FORMAT" enum:",text,json" default:"" placeholder:"FORMAT" help:"text or json. Default text on a terminal, json otherwise."`
	LogLevel  string `name:"log-level" env:"MCPKEEP_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	logFlags
	metricsFlags
}

// upstreams returns the MCP servers behind this one, and what their file says without effect.
func (f *serveFlags) upstreams() (upstreams.File, error) {
	text, path := setting.Trim(f.Upstream), setting.Trim(f.Config)
	switch {
	case f.Command != nil:
		return f.atCommand()
	case text != "" && path != "":
		return upstreams.File{}, setting.Errorf("MCPKEEP_CONFIG", "a file or MCPKEEP_UPSTREAM, not both", "MCPKEEP_UPSTREAM is set too")
	case path != "":
		return app.ReadUpstreams(path)
	case text == "":
		return upstreams.File{}, nil
	}
	target, err := gateway.ParseTarget(text)
	if err != nil {
		return upstreams.File{}, setting.Errorf("MCPKEEP_UPSTREAM", gateway.WantTarget, "%v", err)
	}
	return upstreams.File{Upstreams: []upstreams.Upstream{upstreams.At(target)}}, nil
}

// refuseEphemeral reports whether this is Cloud Run, where a container's disk lasts as long
// as the container.
func (f *serveFlags) refuseEphemeral() bool { return serviceName() != "" && !f.AllowEphemeral }

// listenAddress returns the address to listen on.
func (f *serveFlags) listenAddress() (string, error) {
	switch {
	case f.Listen != "":
		if _, _, err := net.SplitHostPort(f.Listen); err != nil {
			return "", setting.Errorf("MCPKEEP_LISTEN", "host:port, such as 127.0.0.1:8080", "%q is not an address", f.Listen)
		}
		return f.Listen, nil
	case f.Port != "":
		if _, err := netip.ParseAddrPort("0.0.0.0:" + f.Port); err != nil {
			return "", setting.Errorf("PORT", "a number from 0 to 65535", "%q is not a port", f.Port)
		}
		return "0.0.0.0:" + f.Port, nil
	case f.secure():
		return httpsAddress, nil
	}
	return "127.0.0.1:8080", nil
}

// publicURL returns the base URL for a server that listens on addr. That of a Cloud Run
// service, which costs a request to learn, counts as set from then on.
func (f *serveFlags) publicURL(addr *net.TCPAddr) (string, error) {
	switch {
	case f.BaseURL != "":
		first, _, _ := strings.Cut(f.BaseURL, ",")
		return strings.TrimSpace(first), nil
	case addr.IP.IsLoopback():
		return "http://" + addr.String(), nil
	case serviceName() != "":
		var err error
		f.BaseURL, err = serviceURL()
		return f.BaseURL, err
	}
	return "", setting.Errorf("MCPKEEP_BASE_URL", "the public origin, such as https://mcp.example.com", "required when not listening on loopback")
}

// names are the origins behind the first one.
func (f *serveFlags) names() []string {
	var names []string
	_, rest, _ := strings.Cut(f.BaseURL, ",")
	for text := range strings.SplitSeq(rest, ",") {
		if text = strings.TrimSpace(text); text != "" {
			names = append(names, text)
		}
	}
	return names
}

// config is what the settings say, for a server at this base URL, and what is wrong with
// those that a Config does not have.
func (f *serveFlags) config(baseURL string, log *slog.Logger) (mcpkeep.Config, error) {
	if err := f.likeFastMCP(log); err != nil {
		return mcpkeep.Config{}, err
	}
	documents, err := f.documents()
	var fastMCP mcpkeep.FastMCP
	if err == nil {
		fastMCP, err = f.fastMCP()
	}
	if err == nil && (f.MaxConns != 0 || f.DatabaseAuth == googleIAM || serviceName() != "") { // which goes into the URL
		err = f.readURL()
	}
	if err == nil && f.MigrateURL != "" && f.DatabaseAuth == googleIAM {
		f.MigrateURL, err = f.migrateURL(f.MigrateURL)
	}
	if err == nil && f.MaxInstances < 0 {
		err = setting.Errorf("MCPKEEP_MAX_INSTANCES", "a number of replicas, or 0 if that is not known", "%d is out of range", f.MaxInstances)
	}
	if err == nil {
		err = f.checkTLS()
	}
	var noAdminPages bool
	if err == nil {
		noAdminPages, err = f.noAdminPages()
	}
	return mcpkeep.Config{
		BaseURL: baseURL, Names: f.names(), AllowHTTP: f.AllowHTTP, AllowedOrigins: f.AllowedOrigins, Name: f.Name,
		DatabaseURL: f.url(), MigrateDatabaseURL: f.MigrateURL, Keys: f.EncryptionKeys, NoAutoMigrate: !f.AutoMigrate,
		Provider: f.provider(f.LocalPassword), Allow: f.allow(), Admins: f.Admins, NoAdminPages: noAdminPages, Lifetimes: f.lifetimes(),
		Registration: f.registration(), PersonalTokens: f.PersonalTokens, Readopt: f.Readopt, ReadoptRedirects: f.ReadoptRedirects, Documents: documents, FastMCP: fastMCP,
		OpenAIChallenge: f.OpenAIChallenge, Brand: f.brand(), Logger: log, EventsLog: f.EventsLog,
	}, err
}

// lifetimes are as the flags say: their defaults are shown in the help, and 0 is a
// value.
func (f *serveFlags) lifetimes() mcpkeep.Lifetimes {
	given := func(d time.Duration) time.Duration {
		if d == 0 {
			return mcpkeep.Off
		}
		return d
	}
	return mcpkeep.Lifetimes{
		AccessToken: given(f.AccessTokenTTL), RefreshToken: given(f.RefreshTokenTTL), RefreshGrace: given(f.RefreshGrace),
		Recheck: given(f.Recheck), ProviderGrace: given(f.ProviderGrace), Events: given(f.EventsTTL),
		CallEvents: given(f.CallEventsTTL),
	}
}
