package gcp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
)

const (
	laptop = "laptop@acme-prod.iam.gserviceaccount.com"
	actAs  = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" + laptop + ":generateAccessToken"
)

// credentialsIn writes a file of application-default credentials, and leaves no metadata server.
func credentialsIn(t *testing.T, content map[string]any) *gcp.Client {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
	t.Setenv(gcp.EnvMetadataHost, "127.0.0.1:1")
	client, err := gcp.New()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// ofServiceAccount is the key of a service account, whose tokens a server gives out.
func ofServiceAccount(t *testing.T, server string) map[string]any {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return map[string]any{"type": "service_account", "client_email": laptop, "private_key": string(text), "token_uri": server}
}

// TestCredentialsFile: a token comes from the server that the file names. What that server says
// wrong is a short line without what was sent, and no redirect takes the credentials elsewhere.
func TestCredentialsFile(t *testing.T) {
	var elsewhere int
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"ya29.file","expires_in":3600,"token_type":"Bearer"}`)
	})
	mux.HandleFunc("/refused", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"Account\nwas deleted"}`)
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"`+strings.Repeat("x", 10000)+`"}`)
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>")
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { elsewhere++ })
	server := httptest.NewServer(mux)
	defer server.Close()
	for path, want := range map[string]string{
		"/ok": "", "/refused": "answers 400 invalid_grant Account was deleted", "/long": "answers 400 xxx",
		"/page": "is a page", "/redirect": "redirects",
	} {
		t.Run(path, func(t *testing.T) {
			client := credentialsIn(t, ofServiceAccount(t, server.URL+path))
			token, err := client.Token(t.Context(), gcp.ScopeCloud)
			if want == "" && (token != "ya29.file" || err != nil) {
				t.Errorf("%q, %v", token, err)
			}
			if want != "" && (err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 500 || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%v; want %q", err, want)
			}
		})
	}
	if elsewhere > 0 {
		t.Error("a redirect was followed")
	}
}

// TestAccountOfCredentials: the service account is known without a metadata server.
func TestAccountOfCredentials(t *testing.T) {
	for name, tt := range map[string]struct {
		content map[string]any
		want    string
	}{
		"key":     {map[string]any{"type": "service_account", "client_email": laptop}, laptop},
		"acts as": {map[string]any{"type": "external_account", "service_account_impersonation_url": actAs}, laptop},
		"person":  {map[string]any{"type": "authorized_user", "refresh_token": "sesame"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := credentialsIn(t, tt.content).Account(t.Context())
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("%q, %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), "a service account") || strings.Contains(err.Error(), "sesame")) {
				t.Error(err)
			}
		})
	}
}
