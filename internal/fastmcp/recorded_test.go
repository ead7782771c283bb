package fastmcp_test

import (
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
)

// recording is a sign-in at a real FastMCP server with GitHub's tokens of a test: what it
// issued and stored. `make testdata/fastmcp` makes it.
type recording struct {
	Version      string    `json:"version"`
	RecordedAt   time.Time `json:"recorded_at"`
	BaseURL      string    `json:"base_url"`
	ClientSecret string    `json:"client_secret"`
	Key          string    `json:"key"`
	Access       string    `json:"access"`
	Refresh      string    `json:"refresh"`
	Client       string    `json:"client"`
	Rows         []struct {
		Collection string          `json:"collection"`
		Key        string          `json:"key"`
		Value      json.RawMessage `json:"value"`
	} `json:"rows"`
}

// row opens a row with the recording's key.
func (r recording) row(t *testing.T, collection, key string) []byte {
	t.Helper()
	keys, err := keyring.Parse(r.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if row.Collection == collection && row.Key == key {
			plaintext, keyID, err := fastmcp.OpenWithKey(keys, row.Value)
			if err != nil || keyID == "" {
				t.Fatalf("%s: %v, key %q", collection, err, keyID)
			}
			return plaintext
		}
	}
	t.Fatalf("there is no row %s:%s", collection, key)
	return nil
}

// TestRecorded: tokens and rows of real FastMCP servers are read, from the access token and
// from the refresh token to the session and the client.
func TestRecorded(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.13.0", "2.13.3", "2.14.7", "3.4.11", "4.2.3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("testdata", "recorded", version+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var r recording
			if err := json.Unmarshal(data, &r); err != nil {
				t.Fatal(err)
			}
			if r.Version != version {
				t.Errorf("it says that it was made with %s", r.Version)
			}
			r.reads(t)
		})
	}
}

func (r recording) reads(t *testing.T) {
	t.Helper()
	v := fastmcp.Verifier{
		Keys:    []fastmcp.SigningKey{fastmcp.KeyOfClientSecret(r.ClientSecret)},
		Issuers: []string{r.BaseURL + "/"}, Audiences: []string{r.BaseURL + "/mcp"},
	}
	issued := r.RecordedAt
	sessions := map[string]bool{}
	for token, refresh := range map[string]bool{r.Access: false, r.Refresh: true} {
		claims, err := v.Verify(token, refresh, issued)
		if err != nil || claims.ClientID != r.Client {
			t.Fatalf("refresh %t: %+v, %v", refresh, claims, err)
		}
		if _, err := v.Verify(token, !refresh, issued); err == nil {
			t.Errorf("refresh %t: it is taken for the other kind", refresh)
		}
		m, err := fastmcp.DecodeMapping(r.row(t, fastmcp.MappingCollection, claims.ID), claims.ID)
		if err != nil {
			t.Fatal(err)
		}
		sessions[m.SessionID] = true
		s, err := fastmcp.DecodeSession(r.row(t, fastmcp.SessionCollection, m.SessionID), m.SessionID)
		if err != nil || s.ClientID != r.Client || s.AccessToken == "" || s.RefreshToken == "" {
			t.Errorf("the session: %v, %v", s, err)
		}
	}
	if len(sessions) != 1 {
		t.Errorf("the tokens belong to %d sessions", len(sessions))
	}
	c, err := fastmcp.DecodeClient(r.row(t, fastmcp.ClientCollection, r.Client))
	if err != nil || c.ClientID != r.Client || len(c.RedirectURIs) == 0 || c.Scope == nil || *c.Scope != "user" {
		t.Errorf("the client: %v, %v", c, err)
	}
	if (c.ClientSecret != nil) != strings.HasPrefix(r.Version, "2.13.") { // later versions keep none
		t.Errorf("the client has a secret: %t", c.ClientSecret != nil)
	}
	if r.Version == "2.13.0" { // which kept refresh tokens in memory
		for _, row := range r.Rows {
			if row.Collection == fastmcp.RefreshCollection {
				t.Error("the refresh token has a row")
			}
		}
		return
	}
	sum := sha256.Sum256([]byte(r.Refresh))
	row, err := fastmcp.DecodeRefresh(r.row(t, fastmcp.RefreshCollection, fastmcp.RefreshKey(sum[:])))
	if err != nil || row.ClientID != r.Client || !row.ExpiresAt.After(issued) {
		t.Errorf("the refresh token's row: %+v, %v", row, err)
	}
}
