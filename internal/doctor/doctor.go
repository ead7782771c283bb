package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/repo"
	"github.com/mcpkeep/mcpkeep/internal/survey"
	"github.com/mcpkeep/mcpkeep/internal/upstreams"
)

// Time limits.
const (
	databaseWait = 10 * time.Second // all queries of one check
	providerWait = 15 * time.Second // all requests to the provider together
	outsideWait  = 8 * time.Second  // one request to the base URL
)

// Status is the result of a check.
type Status string

// The statuses. Programs read them: they do not change.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, with a risk
	Failed  Status = "failed"  // it does not work
	Skipped Status = "skipped" // it could not be checked; another finding says why
)

// Finding is the outcome of a check.
type Finding struct {
	Area   string `json:"area"`
	Check  string `json:"check"` // a name that does not change
	Status Status `json:"status"`
	What   string `json:"what"`
	Why    string `json:"why,omitempty"` // it matters
	Fix    string `json:"fix,omitempty"` // the command or setting that fixes it
}

// The areas, in the order in which they are checked.
const (
	areaSettings = "settings"
	areaGoogle   = "google_cloud"
	areaDatabase = "database"
	areaSchema   = "schema"
	areaKeys     = "keys"
	areaSecrets  = "secrets"
	areaFastMCP  = "fastmcp"
	areaProvider = "provider"
	areaAccess   = "access"
	areaDocument = "documents"
	areaOutside  = "base_url"
	areaClock    = "clock"
)

// Doctor checks a deployment, which its fields describe.
type Doctor struct {
	// Settings holds the errors that keep serve from starting.
	Settings    []error
	DatabaseURL string
	MigrateURL  string // for migrations; "" when DatabaseURL is
	// DatabaseUnknown: the file with the URL cannot be read; Settings say why.
	DatabaseUnknown bool
	AutoMigrate     bool
	// MaxInstances is how many replicas there may be, 0 if that is not known.
	MaxInstances int
	// Google is asked about the deployment on Google Cloud; nil elsewhere.
	Google *Google
	// RefuseEphemeral: the server does not start with a file that the next deployment loses.
	RefuseEphemeral bool
	// Keys reads the configured keys without creating any; the ring is empty if there
	// are none. KeyFile is the path of their file, "" if they are not in a file.
	Keys    func() (*keyring.Keyring, error)
	KeyFile string
	// Provider signs people in; nil when the settings do not say who.
	Provider identity.Provider
	Policy   identity.Policy
	// FastMCP are the settings for a takeover.
	FastMCP survey.Settings
	// Foreign finds FastMCP's tables, besides oauth_clients, and the keys of its rows.
	Foreign func(context.Context, *db.DB) (repo.Foreign, error)
	// BaseURL is where clients reach the server; "" if unknown. Loopback: it listens on an
	// address of this machine alone. Private: only this machine can reach it, also by way
	// of what stands in front.
	BaseURL  string
	Loopback bool
	Private  bool
	// Issuer is BaseURL as clients see it in metadata, and CallbackPath where the provider
	// sends users back to; "" for BaseURL itself and for the default.
	Issuer       string
	CallbackPath string
	// Names are the further origins of MCPKEEP_BASE_URL.
	Names []string
	// Certificate is the one that serve presents from a file, nil for none.
	Certificate *x509.Certificate
	// TryDocument fetches a client's metadata document as serve would and returns its URL,
	// "" where serve does not depend on that; nil while settings are invalid.
	TryDocument func(ctx context.Context) (url string, err error)
	// Upstreams are the MCP servers behind this one.
	Upstreams []upstreams.Upstream
	// Addresses are this machine's, as others see it; nil for those of its interfaces.
	Addresses func() []netip.Addr
	// HTTP sends requests as a client on the internet would; nil uses the system's
	// certificates.
	HTTP *http.Client
	Now  func() time.Time // nil for time.Now
	// Progress is called with each area before it is checked, which may take seconds;
	// nil is ignored.
	Progress func(area string)

	findings []Finding
	origin   string // that is checked from outside
	db       *db.DB // nil until it answers
	version  int64  // of the schema; 0 if there is none
	behind   bool   // the schema is older than this program's
	// databaseAhead is how far the database server's clock is ahead of this machine's, nil
	// where this machine's decides.
	databaseAhead *time.Duration
}

// Run performs all checks and returns their findings. It reports problems as findings,
// never as an error.
func (d *Doctor) Run(ctx context.Context) []Finding {
	d.findings, d.origin, d.databaseAhead = nil, d.BaseURL, nil
	d.settings()
	if d.Google != nil {
		d.progress(areaGoogle)
		d.google(ctx)
	}
	d.progress(areaDatabase)
	d.database(ctx)
	if d.db != nil {
		defer func() { _ = d.db.Close() }()
	}
	d.progress(areaSchema)
	d.schema(ctx)
	d.progress(areaKeys)
	d.keys(ctx)
	d.secretVersions()
	d.progress(areaFastMCP)
	d.fastmcp(ctx)
	d.progress(areaProvider)
	d.provider(ctx)
	d.access()
	d.progress(areaDocument)
	d.document(ctx)
	d.upstreams(ctx)
	d.progress(areaOutside)
	d.certificateFile()
	d.outside(ctx)
	return d.findings
}

func (d *Doctor) progress(area string) {
	if d.Progress != nil {
		d.Progress(area)
	}
}

func (d *Doctor) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// add adds a finding. Those about a further name start with it.
func (d *Doctor) add(f Finding) {
	if f.Area == areaOutside && d.origin != d.BaseURL && !strings.Contains(f.What, d.origin) {
		f.What = d.origin + ": " + f.What
	}
	d.findings = append(d.findings, f)
}

func (d *Doctor) ok(area, check, what string) {
	d.add(Finding{Area: area, Check: check, Status: OK, What: what})
}

func (d *Doctor) skip(area, check, what string) {
	d.add(Finding{Area: area, Check: check, Status: Skipped, What: what})
}

// client returns an HTTP client that follows no redirects, like clients with a token.
func (d *Doctor) client() *http.Client {
	c := http.Client{Timeout: outsideWait, Transport: &http.Transport{
		Proxy: proxy, DialContext: (&net.Dialer{Timeout: outsideWait}).DialContext,
		ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
	if d.HTTP != nil {
		c.Transport = d.HTTP.Transport
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// proxy is the environment's, whose error repeats the variable with a password in it.
func proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("HTTPS_PROXY or HTTP_PROXY is not a URL: percent-encode special characters in its password")
	}
	return u, nil
}

// Failures returns the number of failed findings.
func Failures(findings []Finding) int {
	n := 0
	for _, f := range findings {
		if f.Status == Failed {
			n++
		}
	}
	return n
}
