package doctor

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// Bounds of what is asked.
const (
	databaseWait = 10 * time.Second // all questions to the database together
	providerWait = 15 * time.Second // all questions to the provider together
	outsideWait  = 8 * time.Second  // one request to the base URL
)

// Status is how a check ended.
type Status string

// The statuses. Programs read them: they do not change.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, and may hurt
	Failed  Status = "failed"  // it does not work
	Skipped Status = "skipped" // it could not be looked at; another finding says why
)

// Finding is what a check found.
type Finding struct {
	Area   string `json:"area"`
	Check  string `json:"check"` // a name that does not change
	Status Status `json:"status"`
	What   string `json:"what"`
	Why    string `json:"why,omitempty"`  // it matters
	Mend   string `json:"mend,omitempty"` // the command or setting
}

// The areas, in the order in which they are looked at.
const (
	areaSettings = "settings"
	areaDatabase = "database"
	areaSchema   = "schema"
	areaKeys     = "keys"
	areaProvider = "provider"
	areaAccess   = "access"
	areaOutside  = "base_url"
	areaClock    = "clock"
)

// Doctor is what is looked at.
type Doctor struct {
	// Settings are the errors that serve would not start with.
	Settings    []error
	DatabaseURL string
	AutoMigrate bool
	// Keys reads the configured keys without making any; an empty ring when there
	// are none. KeyFile is where they are, "" when they are in no file.
	Keys    func() (*keyring.Keyring, error)
	KeyFile string
	// Upstream signs people in; nil for the local password, or when the settings
	// do not say who.
	Upstream identity.Upstream
	Local    bool
	Policy   identity.Policy
	// BaseURL is where clients reach the server; "" when it is not known. Loopback:
	// it listens where only this machine reaches it.
	BaseURL  string
	Loopback bool
	// HTTP asks as a client on the internet would; nil for a client with the
	// system's certificates.
	HTTP *http.Client
	Now  func() time.Time // nil for time.Now
	// Tell is called with each area before it is looked at, which may take seconds; nil
	// for nobody.
	Tell func(area string)

	findings []Finding
	db       *db.DB // once it answers
	behind   bool   // the schema is older than this program's
}

// Run looks at everything.
func (d *Doctor) Run(ctx context.Context) []Finding {
	d.findings = nil
	d.settings()
	d.tell(areaDatabase)
	d.database(ctx)
	if d.db != nil {
		defer func() { _ = d.db.Close() }()
	}
	d.tell(areaSchema)
	d.schema(ctx)
	d.tell(areaKeys)
	d.keys(ctx)
	d.tell(areaProvider)
	d.provider(ctx)
	d.access()
	d.tell(areaOutside)
	d.outside(ctx)
	return d.findings
}

func (d *Doctor) tell(area string) {
	if d.Tell != nil {
		d.Tell(area)
	}
}

func (d *Doctor) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

func (d *Doctor) add(f Finding) { d.findings = append(d.findings, f) }

func (d *Doctor) ok(area, check, what string) {
	d.add(Finding{Area: area, Check: check, Status: OK, What: what})
}

func (d *Doctor) skip(area, check, what string) {
	d.add(Finding{Area: area, Check: check, Status: Skipped, What: what})
}

// client is the HTTP client that follows no redirect, as clients with a token do not.
func (d *Doctor) client() *http.Client {
	c := http.Client{Timeout: outsideWait, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: outsideWait}).DialContext,
		ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
	if d.HTTP != nil {
		c.Transport = d.HTTP.Transport
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// Failures counts the findings that failed.
func Failures(findings []Finding) int {
	n := 0
	for _, f := range findings {
		if f.Status == Failed {
			n++
		}
	}
	return n
}
