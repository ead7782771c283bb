package app

import (
	"cmp"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/metrics"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// Settings are mcpkeep.Config, which documents the fields.
type Settings struct {
	BaseURL            string
	Names              []string
	AllowHTTP          bool
	AllowedOrigins     []string
	Name               string
	DatabaseURL        string
	MigrateDatabaseURL string
	Pool               *pgxpool.Pool
	NoAutoMigrate      bool
	Keys               string
	Provider           Provider
	Allow              Allow
	Admins             []string
	NoAdminPages       bool
	Lifetimes          Lifetimes
	Registration       Registration
	PersonalTokens     string
	Readopt            string
	// ReadoptRedirects are known like a vendor's.
	ReadoptRedirects []string
	Documents        Documents
	FastMCP          FastMCP
	OpenAIChallenge  string
	Brand            Brand
	Logger           *slog.Logger
	EventsLog        bool

	entries []identity.Policy // who may enter the upstreams
	metrics *metrics.Metrics  // nil for none
	// answered notes when the provider answers; nil for settings that are checked alone.
	answered *answered
}

// Provider is mcpkeep.Provider.
type Provider struct {
	Kind                   string
	ClientID, ClientSecret string
	Issuer, APIURL         string
	Scopes                 []string
	GroupsClaim            string
	Password               string
	Title                  string
	CallbackPath           string
}

// Allow is mcpkeep.Allow.
type Allow struct {
	Users, Domains, Orgs, Groups []string
	Anyone                       bool
}

// Lifetimes is mcpkeep.Lifetimes.
type Lifetimes struct {
	AccessToken, RefreshToken, RefreshGrace, Recheck, ProviderGrace, Events, CallEvents time.Duration
}

// Registration is mcpkeep.Registration.
type Registration struct {
	Mode       string
	Hosts      []string
	MaxClients int64
	UnusedFor  time.Duration
}

// Documents is mcpkeep.Documents.
type Documents struct {
	Off      bool
	Hosts    []string
	Networks []string
}

// Off is mcpkeep.Off.
const Off time.Duration = -1

// Defaults that a zero value stands for.
const (
	DefaultName          = "mcpkeep"
	DefaultDatabaseURL   = "sqlite:mcpkeep.db"
	defaultAccessToken   = 12 * time.Hour
	defaultRecheck       = time.Hour
	defaultRefreshToken  = 90 * 24 * time.Hour
	defaultRefreshGrace  = 2 * time.Minute
	defaultProviderGrace = 24 * time.Hour
	defaultEvents        = 90 * 24 * time.Hour
	defaultCallEvents    = 30 * 24 * time.Hour
)

// Checked is what the settings come to.
type Checked struct {
	BaseURL string
	Names   []string // further origins
	// Private: only this machine can connect, also by way of what stands in front.
	Private      bool
	Origins      oauth.OriginPolicy
	Provider     identity.Provider
	Policy       identity.Policy
	Lifetimes    server.Lifetimes
	Events       time.Duration // 0 forever
	CallEvents   time.Duration // 0 for as long as the others
	Registration oauth.RegistrationPolicy
	Readopt      oauth.Readoption
	Personal     server.PersonalTokens
	Documents    checkedDocuments
	FastMCP      checkedFastMCP
	Brand        server.Brand

	settings Settings
	clock    *clock
	behind   bool // a proxy of this machine, which may send names of its own
}

type checkedDocuments struct {
	taken    bool
	hosts    []string
	networks []netip.Prefix
	now      func() time.Time
}

// Check returns what the settings come to, and what is wrong with each of them, in
// the order in which they should be fixed. loopback: the program listens on an address of
// this machine alone; a proxy may still pass on what comes from elsewhere, to the names
// that the base URL has.
func (s Settings) Check(loopback bool) (Checked, []error) {
	s, unread := s.read()
	s.Name, s.DatabaseURL = cmp.Or(s.Name, DefaultName), cmp.Or(s.DatabaseURL, DefaultDatabaseURL)
	c := Checked{settings: s, clock: new(clock), behind: loopback, Policy: s.policy()}
	var problems []error
	add := func(err *SettingError) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	add(unread)
	add(checkName(s.Name))
	add(checkTitle("Provider.Title", s.Provider.Title))
	var err *SettingError
	c.Brand, err = s.Brand.check()
	add(err)
	c.Lifetimes, c.Events, err = s.Lifetimes.check()
	add(err)
	c.CallEvents, err = s.Lifetimes.checkCallEvents()
	add(err)
	c.Registration, err = s.checkRegistration()
	if add(err); err == nil {
		c.Documents, err = s.Documents.check(c.Registration)
		c.Documents.now = c.clock.Now
		add(err)
	}
	c.Readopt, err = s.checkReadopt()
	add(err)
	c.Personal, err = s.checkPersonal()
	add(err)
	c.BaseURL, c.Names, err = s.checkNames()
	c.Private = loopback && (err != nil || allLoopback(append([]string{c.BaseURL}, c.Names...)))
	add(err)
	c.Origins, err = s.checkOrigins()
	add(err)
	c.Provider, err = s.checkProvider(c.Private, c.clock.Now)
	add(err)
	c.FastMCP, err = s.checkFastMCP()
	add(err)
	if unread != nil && strings.HasPrefix(unread.Field, "Provider.") {
		c.Provider = nil // it would be asked with the wrong secret
	}
	add(s.checkDatabase())
	add(s.checkEventsLog())
	return c, problems
}

// IsLoopback reports whether a host names this machine and nothing else.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// LoopbackURL reports whether a URL's host is this machine.
func LoopbackURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && IsLoopback(u.Hostname())
}

// allLoopback reports whether each URL's host is this machine.
func allLoopback(urls []string) bool {
	return !slices.ContainsFunc(urls, func(u string) bool { return !LoopbackURL(u) })
}

// check fills in defaults and checks the durations.
func (l Lifetimes) check() (server.Lifetimes, time.Duration, *SettingError) {
	const longest = 24 * time.Hour
	// Of access and refresh tokens there is no "off": it is out of range.
	out := server.Lifetimes{
		AccessToken: cmp.Or(l.AccessToken, defaultAccessToken), RefreshToken: cmp.Or(l.RefreshToken, defaultRefreshToken),
		Grace: orDefault(l.RefreshGrace, defaultRefreshGrace), ProviderGrace: orDefault(l.ProviderGrace, defaultProviderGrace),
		Recheck: orDefault(l.Recheck, defaultRecheck),
	}
	events := orDefault(l.Events, defaultEvents)
	const outOfRange = "%v is out of range"
	switch {
	case out.AccessToken < time.Second || out.AccessToken > longest:
		return out, 0, problem("Lifetimes.AccessToken", "1s to 24h", outOfRange, orDefault(out.AccessToken, 0))
	case out.RefreshToken < out.AccessToken:
		return out, 0, problem("Lifetimes.RefreshToken", "at least the access token's "+out.AccessToken.String(), outOfRange, orDefault(out.RefreshToken, 0))
	case out.Grace < 0 || out.Grace > longest:
		return out, 0, problem("Lifetimes.RefreshGrace", "0 to 24h", outOfRange, out.Grace)
	case out.Recheck < 0 || out.Recheck > 0 && out.Recheck < time.Second || out.Recheck > longest:
		return out, 0, problem("Lifetimes.Recheck", "1s to 24h, or 0 (only refreshes ask)", outOfRange, out.Recheck)
	case out.ProviderGrace < 0:
		return out, 0, problem("Lifetimes.ProviderGrace", "0 or more", outOfRange, out.ProviderGrace)
	case events < 0:
		return out, 0, problem("Lifetimes.Events", "0 (forever) or more", outOfRange, events)
	}
	return out, events, nil
}

// checkCallEvents is how long calls of tools are in the audit trail.
func (l Lifetimes) checkCallEvents() (time.Duration, *SettingError) {
	keep := orDefault(l.CallEvents, defaultCallEvents)
	if keep < 0 {
		return 0, problem("Lifetimes.CallEvents", "0 (as long as other events) or more", "%v is out of range", keep)
	}
	return keep, nil
}

// orDefault is the default for 0, and 0 for Off.
func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	if d == Off {
		return 0
	}
	return d
}

// SettingsOf returns the settings in an mcpkeep.Config, whose package sets it.
var SettingsOf func(config any) Settings
