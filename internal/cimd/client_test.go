package cimd_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mcpkeep/mcpkeep/internal/cimd"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fetch"
	"github.com/mcpkeep/mcpkeep/internal/fetch/fetchtest"
	"github.com/mcpkeep/mcpkeep/internal/metadata"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestClient: AS-12, AS-13, CIMD-02, CIMD-06. A client is what its document says.
func TestClient(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	id := w.Publish("/c.json", map[string]any{
		"client_name": "Example", "client_uri": "https://client.test/", "logo_uri": "https://client.test/logo.png",
		"redirect_uris": []string{"http://localhost/callback", "https://client.test/cb"}, "scope": "mcp",
		"grant_types": []string{"authorization_code", "refresh_token", "urn:x"}, "software_id": "s", "software_version": "1",
	})
	got, err := w.find(t, id)
	if err != nil {
		t.Fatal(err)
	}
	want := storage.Client{
		ID: id, Origin: storage.OriginDocument, ConfirmedAt: w.clock.Now(),
		Client: metadata.Client{
			Name:            "Example",
			URI:             "https://client.test/",
			RedirectURIs:    []string{"http://localhost/callback", "https://client.test/cb"},
			GrantTypes:      []string{"authorization_code", "refresh_token"},
			ResponseTypes:   []string{"code"},
			Scope:           "mcp",
			AuthMethod:      "none",
			AuthMethods:     []string{"none"},
			SoftwareID:      "s",
			SoftwareVersion: "1",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := w.Requests(""); n != 1 {
		t.Errorf("CIMD-14: %d requests, want one for the document and none for what it names", n)
	}
	for range 10 {
		if _, err := w.find(t, id); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Requests(""); n != 1 {
		t.Errorf("CIMD-08: %d requests, want 1", n)
	}
}

// TestClientUnknown: nothing is fetched for what is no document of this server's.
func TestClientUnknown(t *testing.T) {
	t.Parallel()
	w := sqlite(t, func(cfg *cimd.Config) {
		cfg.Own, cfg.Hosts = []string{"own.test", "Also.own.test"}, []string{"127.0.0.1", "own.test", "also.own.test"}
	})
	w.Handle("*", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
	for _, id := range []string{
		"c_unknown", "", w.URL, w.URL + "/", strings.Replace(w.URL, "https", "http", 1) + "/c.json", w.URL + "/c.json#x",
		w.URL + "/../c.json", "https://u@127.0.0.1:" + w.Port + "/c.json", // CIMD-01
		"https://localhost:" + w.Port + "/c.json",                                               // CIMD-13: a host that is not on the list
		"https://own.test:" + w.Port + "/c.json", "https://also.own.test:" + w.Port + "/c.json", // this server
		"https://127.0.0.1.evil.test:" + w.Port + "/c.json",
	} {
		if _, err := w.find(t, id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if n := w.Requests(""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestClientInvalid: CIMD-02, CIMD-05 to CIMD-08. A document that is not valid is an
// error of its own, and is not requested again immediately.
func TestClientInvalid(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	tests := map[string]map[string]any{
		"CIMD-02": {"client_id": "https://evil.test/c.json"},
		"CIMD-05": {"client_secret": "hush"},
		"CIMD-06": {"client_name": nil},
		"CIMD-07": {"token_endpoint_auth_method": "tls_client_auth"},
	}
	for name, changes := range tests {
		id := w.Publish("/"+name, changes)
		for range 3 {
			_, err := w.find(t, id)
			var e *storage.DocumentError
			if !errors.As(err, &e) || !e.Invalid || e.URL != id || e.Reason == "" || strings.Contains(e.Reason, "invalid") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := w.Requests("/" + name); n != 1 {
			t.Errorf("%s: E4: asked %d times", name, n)
		}
		w.Publish("/" + name)
		w.clock.advance(61e9)
		if _, err := w.find(t, id); err != nil {
			t.Errorf("%s: CIMD-08: fixed, but %v", name, err)
		}
	}
}

// TestClientRowFirst: an operator's own client of that id goes first; what FastMCP
// keeps of such clients does not.
func TestClientRowFirst(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	id := w.Publish("/c.json")
	row := storage.Client{
		ID: id, CreatedAt: w.clock.Now(),
		Client: metadata.Client{
			Name:          "By the operator",
			RedirectURIs:  []string{"https://other.test/cb"},
			GrantTypes:    []string{"authorization_code"},
			ResponseTypes: []string{"code"},
			AuthMethod:    "none",
		},
	}
	if err := w.store.CreateClient(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if got, err := w.find(t, id); err != nil || got.Name != row.Name || got.Origin != storage.OriginRegistered {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := w.store.DeleteClient(t.Context(), id, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	row.RedirectURIs = nil
	if err := w.store.CreateClient(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if got, err := w.find(t, id); err != nil || got.Origin != storage.OriginDocument {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestClientPolicy: the operator's list of places holds for documents as well.
func TestClientPolicy(t *testing.T) {
	t.Parallel()
	policy, err := oauth.NewRegistrationPolicy(oauth.RegistrationAllowlist, []string{"good.test"})
	if err != nil {
		t.Fatal(err)
	}
	w := sqlite(t, func(cfg *cimd.Config) { cfg.Policy = policy })
	some := w.Publish("/some", map[string]any{"redirect_uris": []string{"https://evil.test/cb", "https://good.test/cb", "http://127.0.0.1/cb"}})
	got, err := w.find(t, some)
	if diff := cmp.Diff([]string{"https://good.test/cb", "http://127.0.0.1/cb"}, got.RedirectURIs); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	none := w.Publish("/none", map[string]any{"redirect_uris": []string{"https://evil.test/cb"}})
	var e *storage.DocumentError
	if _, err := w.find(t, none); !errors.As(err, &e) || !e.Invalid {
		t.Errorf("got %v", err)
	}
}

// TestVendorCopy: CIMD-09, CIMD-13. The copies that ship with the program stand in
// when a vendor's site cannot be reached or turns us away; what the site says goes
// first.
func TestVendorCopy(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		w := begin(t, e) // it reaches nothing but loopback
		n := 0
		for _, v := range oauth.Vendors() {
			if v.MetadataURL == "" {
				continue
			}
			n++
			got, err := w.find(t, v.MetadataURL)
			if err != nil {
				t.Errorf("%s: %v", v.Name, err)
				continue
			}
			if got.Name != v.Name || got.Origin != storage.OriginVendor || !got.Unconfirmed || len(got.RedirectURIs) == 0 {
				t.Errorf("%s: %+v", v.Name, got)
			}
			for _, uri := range got.RedirectURIs {
				if strings.Contains(uri, "{") || !matches(got.RedirectURIs, uri) {
					t.Errorf("%s: %q", v.Name, uri)
				}
			}
		}
		list, err := w.store.ListDocumentClients(t.Context(), "", 100, w.clock.Now())
		if err != nil || len(list) != n || list[0].Name == "" {
			t.Errorf("listed %+v, %v", list, err)
		}
	})
}

// TestVendorWithdraws: a vendor's document that is there and is not valid has no copy that
// stands in for it.
func TestVendorWithdraws(t *testing.T) {
	t.Parallel()
	w := sqlite(t, func(cfg *cimd.Config) {
		cfg.Fetcher = fake(func(context.Context, string, string) (fetch.Answer, error) {
			return fetch.Answer{Body: []byte(`{"client_id":"https://elsewhere.test/c.json","redirect_uris":["https://elsewhere.test/cb"]}`)}, nil
		})
	})
	got, err := w.find(t, "https://claude.ai/oauth/mcp-oauth-client-metadata")
	var e *storage.DocumentError
	if !errors.As(err, &e) || !e.Invalid {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestFailureRests: a document that could not be fetched is not asked for again for half a
// minute.
func TestFailureRests(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	id := w.Publish("/c.json")
	w.Fail(fetchtest.Down)
	for range 3 {
		if _, err := w.find(t, id); !errors.Is(err, storage.ErrDocument) {
			t.Errorf("got %v", err)
		}
		w.clock.advance(9 * time.Second)
	}
	if n := w.Requests("/c.json"); n != 1 {
		t.Errorf("asked %d times in 18 seconds", n)
	}
	w.Fail(nil)
	w.clock.advance(4 * time.Second)
	if _, err := w.find(t, id); err != nil {
		t.Errorf("31 seconds later: %v", err)
	}
}

// TestBlockedSite: a site that shows a filter's page is away, not without the
// client.
func TestBlockedSite(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	id := w.Publish("/c.json")
	for name, fault := range map[string]http.HandlerFunc{
		"blocked": fetchtest.Blocked, "down": fetchtest.Down,
		"robot check": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>wait</html>")) },
		"redirect":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) },
		"not found":   http.NotFound,
	} {
		w.Fail(fault)
		_, err := w.find(t, id)
		var e *storage.DocumentError
		if !errors.As(err, &e) || e.Invalid || e.Reason == "" {
			t.Errorf("%s: CIMD-09: %v", name, err)
		}
		w.clock.advance(31e9)
	}
	w.Fail(nil)
	if _, err := w.find(t, id); err != nil {
		t.Errorf("it is back: %v", err)
	}
}

// TestTwoClientsOneURL: what is fetched for one client is not another's.
func TestTwoClientsOneURL(t *testing.T) {
	t.Parallel()
	w := sqlite(t)
	key := newKey(t)
	w.PublishJSON("/jwks", publicSet(key, "k"), nil)
	for _, id := range []string{"c_one", "c_two"} {
		if _, err := w.KeySet(t.Context(), storage.Client{ID: id, Client: metadata.Client{JWKSURI: w.URL + "/jwks"}}, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.store.DeleteClient(t.Context(), "c_one", w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	one, errOne := w.store.Document(t.Context(), "c_one", w.URL+"/jwks")
	two, errTwo := w.store.Document(t.Context(), "c_two", w.URL+"/jwks")
	if !errors.Is(errOne, storage.ErrNotFound) || errTwo != nil || two.Body == "" {
		t.Errorf("%+v %v, %+v %v", one, errOne, two, errTwo)
	}
	if diff := cmp.Diff(2, w.Requests("/jwks"), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// matches parses and matches a requested redirect URI.
func matches(registered []string, requested string) bool {
	u, err := oauth.ParseRedirectURI(requested)
	return err == nil && u.Matches(registered)
}
