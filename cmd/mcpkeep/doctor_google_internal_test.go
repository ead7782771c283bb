package main

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/internal/doctor"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/gcp"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/server/servertest"
)

const googleKeys = "projects/" + gcptest.Project + "/secrets/keys"

// googleSetup is a Cloud Run service with its database and secrets, and Google's front end.
type googleSetup struct {
	gcptest.Gcloud
	env map[string]string

	mu      sync.Mutex
	public  bool
	ingress string
	fresh   int // clients made
}

func newGoogleSetup(t *testing.T) *googleSetup {
	t.Helper()
	cloud := gcptest.New(t)
	cloud.Use(t)
	certificate, _, _ := fetchtest.Authority(t)
	g := &googleSetup{public: true, ingress: "all", Gcloud: gcptest.Gcloud{
		Cloud: cloud, Instance: gcptest.Serve(t, cloud, pgtest.NewCluster(t).DSN(), certificate),
	}}
	g.Run = g.configure
	g.env = map[string]string{
		"K_SERVICE": "mcp", "MCPKEEP_DATABASE_AUTH": "google-iam", "DATABASE_URL": "host=" + g.Socket + " dbname=" + gcptest.Database,
		"MCPKEEP_ENCRYPTION_KEYS": "gcpsecret:" + g.AddVersion(googleKeys, keyring.Generate()), "MCPKEEP_MAX_INSTANCES": "10",
		"MCPKEEP_CIMD": "off", // which needs the internet
	}
	for name, value := range g.env {
		t.Setenv(name, value)
	}
	g.front(t)
	return g
}

// front starts the service and Google's front end, which asks no one in before it is public.
func (g *googleSetup) front(t *testing.T) {
	t.Helper()
	proxy := &httputil.ReverseProxy{}
	passed := servertest.BodyFirst(proxy)
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		public, ingress := g.public, g.ingress
		g.mu.Unlock()
		switch {
		case ingress != "all":
			googlePage(w, http.StatusNotFound, "Page not found", "The requested URL was not found on this server.")
		case !public:
			googlePage(w, http.StatusForbidden, "Forbidden", "Your client does not have permission to get URL <code>"+r.URL.Path+"</code> from this server.")
		default:
			passed.ServeHTTP(w, r)
		}
	}))
	base := "http://" + front.Listener.Addr().String()
	target, err := url.Parse(served(t, g.env, "--base-url", base))
	if err != nil {
		t.Fatal(err)
	}
	proxy.Rewrite = func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}
	front.Start()
	t.Cleanup(front.Close)
	g.env["MCPKEEP_BASE_URL"] = base
}

// googlePage is what Google's front end says in place of a service.
func googlePage(w http.ResponseWriter, status int, title, text string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Set("Server", "Google Frontend")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html><head><title>Error "+title+"</title></head><body><h1>Error: "+title+"</h1><h2>"+text+"</h2></body></html>")
}

// configure is `gcloud run services`.
func (g *googleSetup) configure(words []string, flags map[string]string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(words) != 3 || words[0] != "services" || words[2] != "mcp" || flags["region"] != gcptest.Region {
		return errors.New("not about this service")
	}
	switch {
	case words[1] == "add-iam-policy-binding" && flags["member"] == "allUsers" && flags["role"] == "roles/run.invoker":
		g.public = true
	case words[1] == "update" && flags["ingress"] != "":
		g.ingress = flags["ingress"]
	default:
		return errors.New("unknown command")
	}
	return nil
}

func (g *googleSetup) set(public bool, ingress string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.public, g.ingress = public, ingress
}

// examine runs the doctor as a new process would: without the tokens and secrets of the last
// one.
func (g *googleSetup) examine(t *testing.T, change map[string]string) map[string]doctor.Finding {
	t.Helper()
	env := maps.Clone(g.env)
	env[gcp.EnvMetadataHost] = g.MetadataHost
	env[gcp.EnvSecretManager] = g.SecretManager + strings.Repeat(" ", g.fresh)
	g.fresh++
	maps.Copy(env, change)
	findings, _ := examined(t, env)
	return findings
}

// troubles are the checks that found something.
func troubles(findings map[string]doctor.Finding) map[string]bool {
	found := map[string]bool{}
	for name, f := range findings {
		if f.Status == doctor.Failed || f.Status == doctor.Warning {
			found[name] = true
		}
	}
	return found
}

// brokenGoogle is a set-up with one fault. The commands that the doctor prints repair it;
// where it prints none, restore or the next environment does.
type brokenGoogle struct {
	spoil, restore func(*googleSetup)
	change         map[string]string
	check          string
	status         doctor.Status
	what, fix      string
	commands       int
}

func brokenGoogles(sqlite string) map[string]brokenGoogle {
	answer := func(path string, f http.HandlerFunc) func(*googleSetup) {
		return func(g *googleSetup) {
			g.Before(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, path) {
					f(w, r)
				}
			})
		}
	}
	plain := func(g *googleSetup) { g.Before(nil) }
	return map[string]brokenGoogle{
		"metadata server away": {change: map[string]string{gcp.EnvMetadataHost: "127.0.0.1:1"}, check: "google_metadata", status: doctor.Failed, what: "the metadata server does not tell", fix: "GCE_METADATA_HOST"},
		"not Google's":         {spoil: answer("", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }), restore: plain, check: "google_metadata", status: doctor.Failed, what: "not Google's metadata server", fix: "GCE_METADATA_HOST"},
		"endpoint elsewhere":   {change: map[string]string{gcp.EnvMetadataHost: "10.1.2.3"}, check: "google_identity", status: doctor.Failed, what: "not on this machine", fix: "Unset"},
		"no identity": {spoil: answer("/token", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			w.WriteHeader(http.StatusNotFound)
		}), restore: plain, check: "google_identity", status: doctor.Failed, what: "no access token", fix: "--service-account"},
		"secretAccessor missing": {spoil: func(g *googleSetup) { g.SetRole(gcptest.RoleSecretAccessor, false) }, check: "keys_configured", status: doctor.Failed, what: "secretmanager.versions.access", commands: 1},
		"version disabled":       {spoil: func(g *googleSetup) { g.SetState(googleKeys+"/versions/1", gcptest.Disabled) }, check: "keys_configured", status: doctor.Failed, what: "version 1 is disabled", commands: 1},
		"version destroyed": {
			spoil:   func(g *googleSetup) { g.SetState(googleKeys+"/versions/1", gcptest.Destroyed) },
			restore: func(g *googleSetup) { g.SetState(googleKeys+"/versions/1", gcptest.Enabled) },
			check:   "keys_configured", status: doctor.Failed, what: "version 1 is destroyed", fix: "Name a version that is enabled",
		},
		"no such secret":        {change: map[string]string{"MCPKEEP_ENCRYPTION_KEYS": "gcpsecret:projects/acme-prod/secrets/none/versions/1"}, check: "keys_configured", status: doctor.Failed, what: "no such secret", fix: "versions add none"},
		"API off":               {spoil: func(g *googleSetup) { g.SetAPI(false) }, check: "keys_configured", status: doctor.Failed, what: "API of Secret Manager is off", commands: 1},
		"latest":                {change: map[string]string{"MCPKEEP_ENCRYPTION_KEYS": "gcpsecret:" + googleKeys + "/versions/latest"}, check: "google_secret", status: doctor.Warning, what: "is version 1 now", fix: "gcpsecret:" + googleKeys + "/versions/1"},
		"instanceUser missing":  {spoil: func(g *googleSetup) { g.SetRole(gcptest.RoleInstanceUser, false) }, check: "database_reachable", status: doctor.Failed, what: "does not let the service account log in", commands: 1},
		"IAM log-in off":        {spoil: func(g *googleSetup) { g.SetIAM(false) }, check: "database_reachable", status: doctor.Failed, what: "IAM log-in is off", commands: 1},
		"no database user":      {spoil: func(g *googleSetup) { g.RemoveUser(gcptest.Role) }, check: "database_reachable", status: doctor.Failed, what: "has no user", commands: 1},
		"token refused":         {spoil: func(g *googleSetup) { g.SetAccount(false) }, change: map[string]string{"MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}, check: "database_reachable", status: doctor.Failed, what: "does not take the access token", commands: 1},
		"socket not mounted":    {change: map[string]string{"DATABASE_URL": "host=/nowhere/acme-prod:europe-west1:other dbname=keep"}, check: "database_reachable", status: doctor.Failed, what: "no socket of the instance acme-prod:europe-west1:other", fix: "gcloud run services update mcp --region europe-west1 --add-cloudsql-instances acme-prod:europe-west1:other`"},
		"no way to the network": {change: map[string]string{"DATABASE_URL": "postgres://127.0.0.1:1/keep?sslmode=verify-full"}, check: "database_reachable", status: doctor.Failed, what: "--network NETWORK --subnet SUBNET", fix: "DATABASE_URL"},
		"too many instances":    {change: map[string]string{"MCPKEEP_MAX_INSTANCES": "100"}, check: "database_connections", status: doctor.Warning, what: "100 instances with up to 4 connections, and one to migrate, need 401", fix: "MCPKEEP_DATABASE_MAX_CONNS to 2 or less"},
		"not public":            {spoil: func(g *googleSetup) { g.set(false, "all") }, check: "base_url_reachable", status: doctor.Failed, what: "not public", commands: 1},
		"ingress internal":      {spoil: func(g *googleSetup) { g.set(true, "internal") }, check: "base_url_reachable", status: doctor.Failed, what: "ingress is internal", commands: 1},
		"SQLite":                {change: map[string]string{"DATABASE_URL": sqlite, "MCPKEEP_DATABASE_AUTH": "password"}, check: "database_file_system", status: doctor.Failed, what: "which is lost", fix: "PostgreSQL"},
		"IAM with SQLite":       {change: map[string]string{"DATABASE_URL": sqlite}, check: "settings", status: doctor.Failed, what: "MCPKEEP_DATABASE_AUTH", fix: "google-iam with a PostgreSQL URL"},
	}
}

// TestDoctorGoogle: set-ups that Google Cloud makes possible, each with one fault. After the
// commands that the doctor prints, run as they are, it finds nothing.
func TestDoctorGoogle(t *testing.T) {
	g := newGoogleSetup(t)
	sound := troubles(g.examine(t, nil))
	delete(sound, "database_durability") // of the test's server
	if len(sound) > 0 {
		t.Fatalf("a sound set-up has %v", sound)
	}
	for name, tt := range brokenGoogles("sqlite:/dev/shm/mcpkeep-none.db") {
		t.Run(name, func(t *testing.T) {
			if tt.spoil != nil {
				tt.spoil(g)
			}
			findings := g.examine(t, tt.change)
			diagnosed(t, findings, tt.check, tt.status, tt.what, tt.fix)
			commands := gcptest.Commands(findings[tt.check].Fix)
			if tt.commands > 0 && len(commands) != tt.commands {
				t.Errorf("the fix has the commands %q", commands)
			}
			if tt.commands > 0 {
				for _, line := range commands {
					if _, err := g.Do(line, ""); err != nil {
						t.Error(err)
					}
				}
			}
			if tt.restore != nil {
				tt.restore(g)
			}
			left := troubles(g.examine(t, nil))
			if delete(left, "database_durability"); len(left) > 0 {
				t.Errorf("afterwards the doctor finds %v", left)
			}
		})
	}
}
