package gcp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
)

const (
	global   = "projects/" + gcptest.Project + "/secrets/key"
	regional = "projects/" + gcptest.Project + "/locations/europe-west1/secrets/key"
)

// cloud returns fakes and a client of them.
func cloud(t *testing.T) (*gcptest.Cloud, *gcp.Client) {
	t.Helper()
	c := gcptest.New(t)
	c.Use(t)
	client, err := gcp.New()
	if err != nil {
		t.Fatal(err)
	}
	return c, client
}

func name(t *testing.T, text string) gcp.Name {
	t.Helper()
	n, err := gcp.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSecret(t *testing.T) {
	c, client := cloud(t)
	for _, parent := range []string{global, regional} {
		c.AddVersion(parent, "first of "+parent)
		c.AddVersion(parent, "second of "+parent)
		for version, want := range map[string]string{"1": "first of ", "2": "second of ", "latest": "second of "} {
			got, err := client.Secret(t.Context(), name(t, parent+"/versions/"+version))
			if got != want+parent || err != nil {
				t.Errorf("%s of %s: %q, %v", version, parent, got, err)
			}
		}
	}
	for _, v := range client.Versions() {
		if version := v.Name[strings.LastIndex(v.Name, "/")+1:]; v.Number != strings.Replace(version, "latest", "2", 1) {
			t.Errorf("version %s was number %s", version, v.Number)
		}
	}
}

// TestSecretIsReadOnce: whatever has the name gets the same value, also when latest moved on.
func TestSecretIsReadOnce(t *testing.T) {
	c, client := cloud(t)
	c.AddVersion(global, "first")
	latest := name(t, global+"/versions/latest")
	if _, err := client.Secret(t.Context(), latest); err != nil {
		t.Fatal(err)
	}
	c.AddVersion(global, "second")
	before := c.Requests()
	if got, err := client.Secret(t.Context(), latest); got != "first" || err != nil || c.Requests() != before {
		t.Errorf("%q, %v, %d requests", got, err, c.Requests()-before)
	}
}

func TestSecretRefused(t *testing.T) {
	for what, tt := range map[string]struct {
		spoil func(*gcptest.Cloud, string)
		want  string
	}{
		"missing":          {func(*gcptest.Cloud, string) {}, "no such secret or version"},
		"disabled":         {func(c *gcptest.Cloud, v string) { c.SetState(v, gcptest.Disabled) }, "version 1 is disabled; `gcloud secrets versions enable 1 --secret key --project acme-prod`"},
		"destroyed":        {func(c *gcptest.Cloud, v string) { c.SetState(v, gcptest.Destroyed) }, "version 1 is destroyed"},
		"permission":       {func(c *gcptest.Cloud, _ string) { c.SetRole(gcptest.RoleSecretAccessor, false) }, "gcloud secrets add-iam-policy-binding key --project acme-prod --member serviceAccount:" + gcptest.Account + " --role roles/secretmanager.secretAccessor"},
		"API":              {func(c *gcptest.Cloud, _ string) { c.SetAPI(false) }, "gcloud services enable secretmanager.googleapis.com --project acme-prod"},
		"disabled account": {func(c *gcptest.Cloud, _ string) { c.SetAccount(false) }, "gcloud iam service-accounts enable " + gcptest.Account},
		"scope": {func(c *gcptest.Cloud, _ string) {
			c.Before(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, ":access") {
					w.WriteHeader(http.StatusForbidden)
					_, _ = io.WriteString(w, `{"error":{"details":[{"reason":"ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}}`)
				}
			})
		}, gcp.ScopeCloud},
		"empty": {func(c *gcptest.Cloud, _ string) { c.AddVersion(global, " \n") }, "version 2 is empty"},
	} {
		t.Run(what, func(t *testing.T) {
			c, client := cloud(t)
			version := global + "/versions/1"
			if what != "missing" {
				c.AddVersion(global, "sesame")
			}
			tt.spoil(c, version)
			if what == "empty" {
				version = global + "/versions/2"
			}
			got, err := client.Secret(t.Context(), name(t, version))
			var refused *gcp.SecretError
			if got != "" || !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), "gcpsecret:"+version+": ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Error("the error shows the secret")
			}
		})
	}
}

// TestSecretRetries: what passes by itself is asked again; what does not is not.
func TestSecretRetries(t *testing.T) {
	for what, tt := range map[string]struct {
		first   http.HandlerFunc
		recover bool
	}{
		"500":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, true},
		"429":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, true},
		"hang up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true},
		"wrong checksum": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"name":"projects/1/secrets/key/versions/1","payload":{"data":"c2VzYW1f","dataCrc32c":"1"}}`)
		}, true},
		"redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, true},
		"other answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{}`)
		}, false},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, strings.Repeat(" ", 2<<20))
		}, false},
	} {
		t.Run(what, func(t *testing.T) {
			c, client := cloud(t)
			c.AddVersion(global, "sesame")
			var asked atomic.Int64
			c.Before(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, ":access") && asked.Add(1) == 1 {
					tt.first(w, r)
				}
			})
			got, err := client.Secret(t.Context(), name(t, global+"/versions/1"))
			if recovered := got == "sesame" && err == nil; recovered != tt.recover {
				t.Errorf("%q, %v after %d attempts", got, err, asked.Load())
			}
		})
	}
}

// TestSecretManagerAway: the error comes in the end, and the network is its reason.
func TestSecretManagerAway(t *testing.T) {
	gcptest.New(t).Use(t)
	t.Setenv(gcp.EnvSecretManager, "http://127.0.0.1:1")
	client, err := gcp.New()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // of the usual ten seconds
	defer cancel()
	if _, err = client.Secret(ctx, name(t, global+"/versions/1")); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Error(err)
	}
}

func TestParseName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		global + "/versions/7":                          "",
		regional + "/versions/latest":                   "",
		"projects/123/secrets/s/versions/prod":          "",
		global:                                          "has no version",
		global + "/versions/":                           "not the name",
		global + "/versions/-1":                         "not the name",
		global + "/versions/1/x":                        "not the name",
		"secrets/key/versions/1":                        "not the name",
		"projects/p/secrets/../versions/1":              "not the name",
		"projects/p/secrets/k/versions/1?x=1":           "not the name",
		"projects/P/locations/x/y/secrets/k/versions/1": "not the name",
		"projects/p/locations/a.b/secrets/k/versions/1": "not the name",
		"": "has no version",
		"projects/p/secrets/" + strings.Repeat("k", 600) + "/versions/1": "not the name",
		"projects/p/locations//secrets/k/versions/1":                     "not the name",
	} {
		n, err := gcp.ParseName(text)
		if want == "" && (err != nil || n.String() != text) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, %v", text, n, err)
		}
	}
}
