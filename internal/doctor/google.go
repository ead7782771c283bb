package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/gcp"
)

// Google is what a deployment uses on Google Cloud.
type Google struct {
	// Name is that of the Cloud Run service, "" elsewhere.
	Name string
	// LogsIn: the database is entered as the service account.
	LogsIn bool
	// Client asks Google's services; the error says why there is none.
	Client func() (*gcp.Client, error)

	service gcp.Service // as far as the metadata server tells
}

// google checks who this process is on Google Cloud and what it may do there, by doing it.
func (d *Doctor) google(ctx context.Context) {
	client, err := d.Google.Client()
	if err != nil {
		d.add(Finding{
			Area: areaGoogle, Check: "google_identity", Status: Failed, What: oneLine(err),
			Why: "Without it, secrets and access tokens are not available.", Fix: "Unset the variable outside of tests.",
		})
		return
	}
	d.identity(ctx, client)
	d.addresses()
}

// identity checks the metadata server, and gets the tokens that serve needs.
func (d *Doctor) identity(ctx context.Context, client *gcp.Client) {
	const why = "Secrets of Secret Manager and the log-in to Cloud SQL need an access token of the service account."
	service, err := client.Service(ctx)
	if err != nil && d.Google.Name != "" {
		d.add(Finding{
			Area: areaGoogle, Check: "google_metadata", Status: Failed, What: oneLine(err), Why: why,
			Fix: "On Cloud Run, unset GCE_METADATA_HOST; elsewhere, unset K_SERVICE and use application-default credentials (`gcloud auth application-default login`).",
		})
		return
	}
	if err == nil {
		d.Google.service = service
		d.ok(areaGoogle, "google_metadata", "this is project "+service.Project+" ("+service.ProjectNumber+"), region "+service.Region)
	}
	scope := gcp.ScopeCloud
	if d.Google.LogsIn {
		scope = gcp.ScopeLogin
	}
	if _, err := client.Token(ctx, scope); err != nil {
		d.add(Finding{
			Area: areaGoogle, Check: "google_identity", Status: Failed, What: oneLine(err), Why: why,
			Fix: d.inService("Give the service an identity: `gcloud run services update SERVICE --region REGION --service-account ACCOUNT`. Outside of Google Cloud, run `gcloud auth application-default login`."),
		})
		return
	}
	who := "the application-default credentials"
	if account, err := client.Account(ctx); err == nil {
		who = account
	}
	d.ok(areaGoogle, "google_identity", "access tokens come from "+who)
}

// secretVersions reports the versions that the settings were read from, the keys among them.
// What could not be read is a finding about its setting.
func (d *Doctor) secretVersions() {
	if d.Google == nil {
		return
	}
	for _, v := range gcp.VersionsRead() {
		if !strings.HasSuffix(v.Name, "/versions/latest") {
			d.ok(areaSecrets, "google_secret", v.Name+" can be read")
			continue
		}
		pinned := strings.TrimSuffix(v.Name, "latest") + v.Number
		d.add(Finding{
			Area: areaSecrets, Check: "google_secret", Status: Warning, What: v.Name + " is version " + v.Number + " now",
			Why: "Instances that start later read a later version: two of the same revision may have different values.",
			Fix: "Name the version: gcpsecret:" + pinned + ".",
		})
	}
}

// secretFix is what to do about a secret that cannot be read.
func secretFix(err error) (fix string, ok bool) {
	var secret *gcp.SecretError
	switch {
	case !errors.As(err, &secret):
		return "", false
	case secret.Fix == "":
		return "Name a version that is enabled, or make one: `gcloud secrets versions add " + secret.Name.Secret + " --data-file -`.", true
	}
	return "Run `" + secret.Fix + "`.", true
}

// runApp is the host of a service: its name and the project's number, or its name and a hash.
var runApp = regexp.MustCompile(`^([a-z][a-z0-9-]*)-(?:([0-9]+)\.([a-z0-9-]+)|[a-z0-9]{10}-[a-z]{2}\.a)\.run\.app$`)

// addresses compares the base URLs with the two addresses that a service has. Only one of
// them follows from its name.
func (d *Doctor) addresses() {
	const check = "google_addresses"
	if d.Google.Name == "" || d.Google.service.Region == "" || d.BaseURL == "" {
		return
	}
	derived := d.Google.service.Origin(d.Google.Name)
	other := "`gcloud run services describe " + d.Google.Name + " --region " + d.Google.service.Region + " --format 'value(status.url)'` shows the other address"
	listed, ownDomain := false, false
	for _, origin := range d.origins() {
		u, err := url.Parse(origin)
		if err != nil {
			continue
		}
		parts := runApp.FindStringSubmatch(u.Host)
		listed = listed || origin == derived
		ownDomain = ownDomain || parts == nil
		if len(parts) > 2 && (parts[1] != d.Google.Name || parts[2] != "" && origin != derived) {
			d.add(Finding{
				Area: areaGoogle, Check: check, Status: Failed, What: origin + " is an address of another service than " + d.Google.Name,
				Why: "Clients are sent there to sign in.", Fix: "Set MCPKEEP_BASE_URL=" + derived + ", or unset it; " + other + ".",
			})
			return
		}
	}
	if !listed && !ownDomain {
		d.add(Finding{
			Area: areaGoogle, Check: check, Status: Warning, What: "the service also answers at " + derived + ", which MCPKEEP_BASE_URL does not list",
			Why: "Clients that use this address are refused.", Fix: "Set " + d.baseURLs() + "," + derived + ".",
		})
		return
	}
	d.ok(areaGoogle, check, "the service's name gives "+derived+"; "+other)
}

// inService puts what is known of the service into a command.
func (d *Doctor) inService(fix string) string {
	if d.Google == nil || d.Google.Name == "" {
		return fix
	}
	pairs := []string{"SERVICE", d.Google.Name}
	if s := d.Google.service; s.Region != "" {
		pairs = append(pairs, "REGION", s.Region, "ACCOUNT", s.Account)
	}
	return strings.NewReplacer(pairs...).Replace(fix)
}

// tooManyInstances reports that the pools of all instances need more than the server has.
func (d *Doctor) tooManyInstances(s db.ServerDiagnosis) {
	fix := fmt.Sprintf("Set MCPKEEP_DATABASE_MAX_CONNS to %d or less, allow %d instances or fewer, or raise max_connections.",
		max(1, (s.MaxConnections-1)/d.MaxInstances), max(1, (s.MaxConnections-1)/s.PoolSize))
	d.add(Finding{
		Area: areaDatabase, Check: "database_connections", Status: Warning,
		What: fmt.Sprintf("%s with up to %d connections, and one to migrate, need %d, but the server has %d for this role",
			number(d.MaxInstances, "instance", "instances"), s.PoolSize, d.MaxInstances*s.PoolSize+1, s.MaxConnections),
		Why: "When all instances run, requests wait for connections, and other programs get none.", Fix: fix,
	})
}
