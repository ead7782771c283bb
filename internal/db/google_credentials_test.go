package db_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/gcp"
	"github.com/mcpkeep/mcpkeep/internal/gcp/gcptest"
)

// TestGoogleLoginElsewhere: on a machine that is not Google's, the file of a service account's
// credentials says who logs in. A person's says so by an error.
func TestGoogleLoginElsewhere(t *testing.T) {
	s := newCloudSQL(t)
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet,
			"http://"+s.MetadataHost+"/computeMetadata/v1/instance/service-accounts/default/token?scopes="+url.QueryEscape(gcp.ScopeLogin), http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Metadata-Flavor", "Google")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = res.Body.Close() }()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, res.Body)
	}))
	defer tokens.Close()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	file := filepath.Join(t.TempDir(), "credentials.json")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	t.Setenv(gcp.EnvMetadataHost, "127.0.0.1:1")
	write := func(content map[string]string) {
		b, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(map[string]string{"type": "service_account", "client_email": gcptest.Account, "private_key": string(text), "token_uri": tokens.URL})
	for door, database := range s.urls() {
		if _, err := opened(t, database); err != nil {
			t.Errorf("%s: %v", door, err)
		}
	}
	write(map[string]string{"type": "authorized_user", "client_id": "c", "client_secret": "sesame", "refresh_token": "sesame"})
	_, err = opened(t, s.urls()["socket"])
	if err == nil || !strings.Contains(err.Error(), "no user in the URL") || strings.Contains(err.Error(), "sesame") {
		t.Errorf("a person's credentials: %v", err)
	}
}
