package gcptest

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
)

// What a Cloud is made with.
const (
	Project = "acme-prod"
	Number  = "123456789012"
	Region  = "europe-west1"
	Account = "mcpkeep@acme-prod.iam.gserviceaccount.com"
)

// Cloud is a project with one service account. It is safe for concurrent use.
type Cloud struct {
	// MetadataHost and SecretManager are the values of gcp.EnvMetadataHost and
	// gcp.EnvSecretManager.
	MetadataHost, SecretManager string

	mu       sync.Mutex
	lifetime time.Duration // of new tokens
	early    time.Duration // by which they end before their time
	tokens   map[string]token
	roles    map[string]bool // of the service account
	apiOff   bool
	disabled bool               // the service account
	secrets  map[string]*secret // by projects/P/secrets/S or projects/P/locations/L/secrets/S
	before   http.HandlerFunc   // called first, if there is one
	requests int
}

type token struct {
	scopes []string
	until  time.Time
}

// Roles of the service account that the servers look at.
const (
	RoleSecretAccessor = "roles/secretmanager.secretAccessor"
	RoleInstanceUser   = "roles/cloudsql.instanceUser"
)

// New starts the servers, which end with the test. The service account has all roles.
func New(t testing.TB) *Cloud {
	t.Helper()
	c := &Cloud{
		lifetime: time.Hour, tokens: map[string]token{}, secrets: map[string]*secret{},
		roles: map[string]bool{RoleSecretAccessor: true, RoleInstanceUser: true},
	}
	metadata := httptest.NewServer(c.first(c.serveMetadata))
	secretManager := httptest.NewServer(c.first(c.serveSecrets))
	t.Cleanup(metadata.Close)
	t.Cleanup(secretManager.Close)
	c.MetadataHost, c.SecretManager = strings.TrimPrefix(metadata.URL, "http://"), secretManager.URL
	return c
}

// Environ is what a process needs to find the servers.
func (c *Cloud) Environ() []string {
	return []string{gcp.EnvMetadataHost + "=" + c.MetadataHost, gcp.EnvSecretManager + "=" + c.SecretManager}
}

// Use points this process's new clients at the servers, for the rest of the test.
func (c *Cloud) Use(t *testing.T) {
	t.Helper()
	for _, text := range c.Environ() {
		name, value, _ := strings.Cut(text, "=")
		t.Setenv(name, value)
	}
}

// Before has each request go through a function first; when it writes, that is the response.
func (c *Cloud) Before(f http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = f
}

// SetLifetime sets how long new tokens are valid.
func (c *Cloud) SetLifetime(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lifetime = d
}

// SetEarly has new tokens end before the time that the metadata server tells for them, as if
// much of it had passed.
func (c *Cloud) SetEarly(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.early = d
}

// Issued returns all access tokens, valid or not.
func (c *Cloud) Issued() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.tokens))
}

// SetRole gives the service account a role, or takes it away.
func (c *Cloud) SetRole(role string, has bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roles[role] = has
}

// SetAccount enables or disables the service account: no token of a disabled one is accepted.
func (c *Cloud) SetAccount(enabled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disabled = !enabled
}

// SetAPI turns Secret Manager's API on or off in the project.
func (c *Cloud) SetAPI(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apiOff = !on
}

// Requests is how many came.
func (c *Cloud) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

func (c *Cloud) first(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests++
		before := c.before
		c.mu.Unlock()
		seen := &noticed{ResponseWriter: w}
		if before != nil {
			before(seen, r)
		}
		if !seen.wrote {
			next(w, r)
		}
	})
}

// noticed remembers whether there is a response.
type noticed struct {
	http.ResponseWriter
	wrote bool
}

func (n *noticed) WriteHeader(status int) {
	n.wrote = true
	n.ResponseWriter.WriteHeader(status)
}

func (n *noticed) Write(p []byte) (int, error) {
	n.wrote = true
	return n.ResponseWriter.Write(p)
}

// issue makes an access token.
func (c *Cloud) issue(scopes []string) (text string, lifetime time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text = "ya29." + rand.Text()
	c.tokens[text] = token{scopes, time.Now().Add(c.lifetime - c.early)}
	return text, c.lifetime
}

// Valid reports whether a token is one of this project's account, has not expired and has
// one of the scopes.
func (c *Cloud) Valid(text string, scopes ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.tokens[text]
	if !ok || c.disabled || time.Now().After(t.until) {
		return false
	}
	for _, has := range t.scopes {
		for _, want := range scopes {
			if has == want {
				return true
			}
		}
	}
	return false
}

// HasRole reports whether the service account has a role.
func (c *Cloud) HasRole(role string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roles[role]
}
