package main

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// TestBadGoogle: what Google's services and the settings about them can have wrong stops the
// start within the time for secrets, by one line with the variable and nothing secret.
func TestBadGoogle(t *testing.T) {
	const secrets = "/v1/projects/"
	answer := func(body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			_, _ = io.WriteString(w, body)
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	redirect := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }
	const verified, elsewhere = "?sslmode=verify-full", "postgres://127.0.0.1:1/d"
	sqlite := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	for name, tt := range map[string]struct {
		env    map[string]string
		at     string // path of the requests that get another answer
		answer http.HandlerFunc
		status int
		want   []string
	}{
		"IAM and a password":  {env: map[string]string{"DATABASE_URL": "postgres://u:sesame@127.0.0.1/d" + verified, "MCPKEEP_DATABASE_AUTH": "google-iam"}, status: exitUsage, want: []string{"DATABASE_URL", "has a password"}},
		"IAM and SQLite":      {env: map[string]string{"DATABASE_URL": sqlite, "MCPKEEP_DATABASE_AUTH": "google-iam"}, status: exitUsage, want: []string{"MCPKEEP_DATABASE_AUTH", "not PostgreSQL"}},
		"IAM without TLS":     {env: map[string]string{"DATABASE_URL": elsewhere + "?sslmode=require", "MCPKEEP_DATABASE_AUTH": "google-iam"}, status: exitUsage, want: []string{"DATABASE_URL", "sslmode=verify-ca"}},
		"unknown kind":        {env: map[string]string{"MCPKEEP_DATABASE_AUTH": "sesame-iam"}, status: exitUsage, want: []string{"--database-auth"}},
		"too many instances":  {env: map[string]string{"MCPKEEP_MAX_INSTANCES": "-1"}, status: exitUsage, want: []string{"MCPKEEP_MAX_INSTANCES", "out of range"}},
		"no metadata server":  {env: map[string]string{"DATABASE_URL": elsewhere + verified, "MCPKEEP_DATABASE_AUTH": "google-iam", gcp.EnvMetadataHost: "127.0.0.1:1"}, status: exitFailed, want: []string{"MCPKEEP_DATABASE_AUTH", "service account is not known"}},
		"no token":            {env: map[string]string{"DATABASE_URL": "postgres://u@127.0.0.1:1/d" + verified, "MCPKEEP_DATABASE_AUTH": "google-iam", "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}, at: "/computeMetadata/", answer: answer("{}", "Metadata-Flavor", "Google"), status: exitFailed, want: []string{"MCPKEEP_DATABASE_AUTH", "no token"}},
		"metadata hangs":      {at: "/computeMetadata/", answer: hang, status: exitFailed, want: []string{"MCPKEEP_ENCRYPTION_KEYS", "no access token"}},
		"not Google's":        {at: "/computeMetadata/", answer: answer("hi"), status: exitFailed, want: []string{"MCPKEEP_ENCRYPTION_KEYS", "not Google's metadata server"}},
		"secrets hang":        {at: secrets, answer: hang, status: exitFailed, want: []string{"MCPKEEP_ENCRYPTION_KEYS", "cannot be reached"}},
		"secrets are pages":   {at: secrets, answer: answer("<html>", "Content-Type", "text/html"), status: exitFailed, want: []string{"MCPKEEP_ENCRYPTION_KEYS", "not JSON"}},
		"secrets redirect":    {at: secrets, answer: redirect, status: exitFailed, want: []string{"MCPKEEP_ENCRYPTION_KEYS", "redirects"}},
		"secrets are long":    {at: secrets, answer: answer(strings.Repeat(" ", 2<<20), "Content-Type", "application/json"), status: exitFailed, want: []string{"MCPKEEP_ENCRYPTION_KEYS", "longer than"}},
		"elsewhere":           {env: map[string]string{gcp.EnvSecretManager: "https://secrets.example.com"}, status: exitFailed, want: []string{gcp.EnvSecretManager, "not on this machine"}},
		"metadata elsewhere":  {env: map[string]string{gcp.EnvMetadataHost: "10.0.0.1"}, status: exitFailed, want: []string{gcp.EnvMetadataHost, "not on this machine"}},
		"authority not there": {env: map[string]string{"DATABASE_URL": elsewhere + "?sslmode=verify-ca&sslrootcert=gcpsecret:projects/acme-prod/secrets/none/versions/1", "MCPKEEP_ENCRYPTION_KEYS": keyring.Generate()}, status: exitFailed, want: []string{"sslrootcert", "no such secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := gcptest.New(t)
			cloud.Use(t)
			env := map[string]string{
				"DATABASE_URL": sqlite, gcp.EnvMetadataHost: cloud.MetadataHost, gcp.EnvSecretManager: cloud.SecretManager,
				"MCPKEEP_ENCRYPTION_KEYS": "gcpsecret:" + cloud.AddVersion("projects/"+gcptest.Project+"/secrets/keys", keyring.Generate()),
			}
			for name, value := range tt.env {
				env[name] = value
			}
			if tt.answer != nil {
				cloud.Before(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasPrefix(r.URL.Path, tt.at) {
						tt.answer(w, r)
					}
				})
			}
			began := time.Now()
			res := command(t, env, "serve", "--listen", "127.0.0.1:0")
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
			if res.status != tt.status || strings.Count(strings.TrimSpace(res.err), "\n") != 0 {
				t.Errorf("status %d, want %d and one line: %s", res.status, tt.status, res.err)
			}
			for _, want := range tt.want {
				if !strings.Contains(res.err, want) {
					t.Errorf("want %q: %s", want, res.err)
				}
			}
			for _, secret := range append(cloud.Issued(), "sesame@", "ya29.") {
				if strings.Contains(res.out+res.err, secret) {
					t.Errorf("it shows %s: %s", secret, res.err)
				}
			}
		})
	}
}
