package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestSecretsOfSecretManager: every setting that is a secret can be in Secret Manager, keys
// also mixed with others; the log says which versions they were, and nothing of them.
func TestSecretsOfSecretManager(t *testing.T) {
	cloud := gcptest.New(t)
	cloud.Use(t)
	secret := func(name, data string) string {
		return "gcpsecret:" + cloud.AddVersion("projects/"+gcptest.Project+"/secrets/"+name, data)
	}
	first, second, third := keyring.Generate(), keyring.Generate(), keyring.Generate()
	keys := strings.Replace(secret("keys", first+"\n"+second+"  # of last year\n"), "/versions/1", "/versions/latest", 1)
	path := filepath.Join(t.TempDir(), "x.db")
	_, logged := started(t, map[string]string{
		"DATABASE_URL": secret("database", "sqlite:"+path+"\n"), "MCPKEEP_ENCRYPTION_KEYS": keys + "," + third,
		"MCPKEEP_LOCAL_PASSWORD": secret("password", "correct horse battery staple"),
	})
	for _, want := range []string{`name=projects/acme-prod/secrets/keys/versions/latest version=1`, `name=projects/acme-prod/secrets/database/versions/1 version=1`} {
		if !strings.Contains(strings.NewReplacer(`"`, "", ":", "=", ",", " ").Replace(logged), want) {
			t.Errorf("the log lacks %s: %s", want, logged)
		}
	}
	for _, value := range []string{first, second, third, "horse", path} {
		if value != path && strings.Contains(logged, value) {
			t.Errorf("the log shows %s", value)
		}
	}
	// The rows are sealed with the first key, and the others open theirs.
	command(t, map[string]string{"DATABASE_URL": "sqlite:" + path, "MCPKEEP_ENCRYPTION_KEYS": first}, "keys", "list").wants(t, exitOK, "")
}

// TestSecretsThatCannotBeHad: one line names the setting, the secret and what is missing.
func TestSecretsThatCannotBeHad(t *testing.T) {
	cloud := gcptest.New(t)
	cloud.Use(t)
	version := cloud.AddVersion("projects/"+gcptest.Project+"/secrets/s", "sesame")
	disabled := cloud.AddVersion("projects/"+gcptest.Project+"/secrets/s", "sesame")
	cloud.SetState(disabled, gcptest.Disabled)
	sqlite := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	for name, tt := range map[string]struct{ database, keys, variable, want string }{
		"database":      {"gcpsecret:" + disabled, keyring.Generate(), "DATABASE_URL", "version 2 is disabled"},
		"keys":          {sqlite, "gcpsecret:" + disabled, "MCPKEEP_ENCRYPTION_KEYS", "version 2 is disabled"},
		"second key":    {sqlite, keyring.Generate() + ",gcpsecret:projects/p/secrets/none/versions/1", "MCPKEEP_ENCRYPTION_KEYS", "no such secret"},
		"malformed":     {sqlite, "gcpsecret:sesame", "MCPKEEP_ENCRYPTION_KEYS", "has no version; want gcpsecret:projects/"},
		"not a key":     {sqlite, "gcpsecret:" + version, "MCPKEEP_ENCRYPTION_KEYS", "want the 44 of a Fernet key"},
		"no version":    {"gcpsecret:projects/p/secrets/s", keyring.Generate(), "DATABASE_URL", "has no version"},
		"not a version": {"gcpsecret:projects/p/secrets/s/versions/1;2", keyring.Generate(), "DATABASE_URL", "not the name of a secret's version"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"DATABASE_URL": tt.database, "MCPKEEP_ENCRYPTION_KEYS": tt.keys, gcp.EnvSecretManager: cloud.SecretManager}
			res := command(t, env, "serve", "--listen", "127.0.0.1:0")
			if res.status == exitOK || strings.Count(strings.TrimSpace(res.err), "\n") != 0 || !strings.Contains(res.err, tt.variable) ||
				!strings.Contains(res.err, tt.want) || strings.Contains(res.err, "sesame") {
				t.Errorf("status %d: %s", res.status, res.err)
			}
		})
	}
}

// TestServiceURL: without a base URL, that of a Cloud Run service follows from what the
// metadata server says, and from nothing else.
func TestServiceURL(t *testing.T) {
	cloud := gcptest.New(t)
	cloud.Use(t)
	everywhere := &net.TCPAddr{IP: net.IPv4zero}
	var f serveFlags
	if _, err := f.publicURL(everywhere); err == nil || !strings.Contains(err.Error(), "MCPKEEP_BASE_URL") {
		t.Errorf("outside of Cloud Run: %v", err)
	}
	t.Setenv("K_SERVICE", "mcp")
	const want = "https://mcp-123456789012.europe-west1.run.app"
	if base, err := f.publicURL(everywhere); base != want || f.BaseURL != want || err != nil {
		t.Errorf("%q, %v", base, err)
	}
	given := serveFlags{BaseURL: "https://mcp.example.com"}
	if base, err := given.publicURL(everywhere); base != "https://mcp.example.com" || err != nil {
		t.Errorf("%q, %v", base, err)
	}
	t.Setenv("GCE_METADATA_HOST", "127.0.0.1:1")
	var away serveFlags
	if _, err := away.publicURL(everywhere); err == nil || !strings.Contains(err.Error(), "MCPKEEP_BASE_URL") {
		t.Errorf("without a metadata server: %v", err)
	}
}

// TestPoolOnCloudRun: four connections, unless a setting says otherwise.
func TestPoolOnCloudRun(t *testing.T) {
	t.Setenv("K_SERVICE", "mcp")
	for _, tt := range []struct {
		url  string
		max  int
		want string
	}{
		{"postgres://h/d", 0, "postgres://h/d?pool_max_conns=4"},
		{"postgres://h/d?pool_max_conns=7", 0, "postgres://h/d?pool_max_conns=7"},
		{"postgres://h/d", 9, "postgres://h/d?pool_max_conns=9"},
		{"sqlite:x.db", 0, "sqlite:x.db"},
	} {
		f := databaseFlags{DatabaseURL: tt.url, MaxConns: tt.max}
		if got := f.url(); got != tt.want {
			t.Errorf("%s with %d: %s", tt.url, tt.max, got)
		}
	}
}
