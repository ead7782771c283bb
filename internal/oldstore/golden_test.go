package oldstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/oldstore"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

// golden is a store that FastMCP wrote at one sign-in with a GitHub App, recorded by
// `go -C test test -tags takeover ./takeover -run TestMatrix -record DIR`.
type golden struct {
	BaseURL      string    `json:"base_url"`
	ClientSecret string    `json:"client_secret"`
	Key          string    `json:"key"`
	RecordedAt   time.Time `json:"recorded_at"`
	Access       string    `json:"access_token"`
	Refresh      string    `json:"refresh_token"`
	ClientID     string    `json:"client_id"`

	dir  string
	keys *keyring.Keyring
	sign fastmcp.SigningKey
}

func readGolden(t *testing.T, name string) golden {
	t.Helper()
	g := golden{dir: filepath.Join("testdata", name)}
	text, err := os.ReadFile(filepath.Join(g.dir, "tokens.json"))
	if err == nil {
		err = json.Unmarshal(text, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.sign = fastmcp.KeyOfClientSecret(g.ClientSecret)
	if g.keys, err = keyring.Parse(g.sign.StorageKey()); err != nil {
		t.Fatal(err)
	}
	own, err := keyring.Parse(g.Key)
	if err != nil {
		t.Fatal(err)
	}
	g.keys = g.keys.With(own)
	return g
}

func (g golden) config() oldstore.Config {
	return oldstore.Config{
		Open:         func(value json.RawMessage) ([]byte, error) { return fastmcp.Open(g.keys, value) },
		Fingerprints: []string{g.sign.Fingerprint()},
	}
}

func (g golden) open(t *testing.T, source string) oldstore.Source {
	t.Helper()
	s, err := oldstore.Open(t.Context(), source, g.config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (g golden) reader() survey.Reader {
	return survey.Reader{Now: g.RecordedAt, Open: func(value json.RawMessage) ([]byte, string, error) { return fastmcp.OpenWithKey(g.keys, value) }}
}

// rows are those of a store, by collection and key.
func rows(t *testing.T, s oldstore.Source) map[string]fastmcp.Row {
	t.Helper()
	all := map[string]fastmcp.Row{}
	err := s.Each(t.Context(), func(row fastmcp.Row) error {
		all[fastmcp.RowKey(row.Collection, row.Key)] = row
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// explain follows a token through rows.
func (g golden) explain(t *testing.T, all map[string]fastmcp.Row, token string) *survey.Explanation {
	t.Helper()
	x := survey.Explainer{
		Reader: g.reader(),
		Get: func(_ context.Context, collection, key string) (fastmcp.Row, error) {
			row, ok := all[fastmcp.RowKey(collection, key)]
			if !ok {
				return row, fastmcp.ErrNoRow
			}
			return row, nil
		},
		Verifier: &fastmcp.Verifier{
			Keys: []fastmcp.SigningKey{g.sign}, Issuers: []string{g.BaseURL, g.BaseURL + "/"}, Audiences: []string{g.BaseURL + "/mcp"},
		},
	}
	e, err := x.Explain(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestGolden: what real versions of FastMCP wrote is read, and both of the client's tokens
// lead to its session.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		guess   string
		refresh bool
		ends    string
	}{
		"2.13.0-directory": {"2.13.0 or 2.13.1", false, survey.EndsWithAccess}, // refresh tokens were in memory
		"2.14.7-directory": {"2.13.2 to 2.14", true, survey.EndsWithRefresh},
		"2.14.7-redis":     {"2.13.2 to 2.14", true, survey.EndsWithRefresh},
		"4.2.3-directory":  {"4.2 or later", true, survey.EndsWithRefresh},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := readGolden(t, name)
			s := g.open(t, g.source(t))
			all := rows(t, s)
			read, err := survey.Read(t.Context(), s.Each, g.reader())
			if err != nil {
				t.Fatal(err)
			}
			r := read.Report()
			if r.Version.Guess != want.guess || r.Clients.Total != 1 || r.Sessions.Live != 1 || len(r.Sessions.Groups) != 1 || r.Sessions.Groups[0].EndsWith != want.ends {
				t.Errorf("%+v", r)
			}
			for _, c := range r.Collections {
				if c.Unreadable+c.Malformed+c.Refused > 0 {
					t.Errorf("%+v", c)
				}
			}
			if e := g.explain(t, all, g.Access); !e.OK() || e.Kind != "access_token" {
				t.Errorf("access token: %+v", e)
			}
			if e := g.explain(t, all, g.Refresh); e.OK() != want.refresh || e.Kind != "refresh_token" {
				t.Errorf("refresh token: %+v", e)
			}
			if _, ok := all[fastmcp.RowKey(fastmcp.ClientCollection, g.ClientID)]; !ok {
				t.Error("the client is missing")
			}
		})
	}
}

// TestReadsOnly: a directory stays as it is, the write-ahead log in it included.
func TestReadsOnly(t *testing.T) {
	t.Parallel()
	g := readGolden(t, "2.14.7-directory")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(g.dir)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	rows(t, g.open(t, dir))
	if after := tree(t, dir); after != before {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
}

// tree is what is in a directory.
func tree(t *testing.T, dir string) string {
	t.Helper()
	text := ""
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var data []byte
			data, err = os.ReadFile(path)
			text += path + " " + string(storageHash(data)) + "\n"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestOpenRefuses: what is no store is named.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	g := readGolden(t, "4.2.3-directory")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{t.TempDir(), file, "mongodb://127.0.0.1/x"} {
		if _, err := oldstore.Open(t.Context(), source, g.config()); !errors.Is(err, oldstore.ErrSource) {
			t.Errorf("%s: %v", source, err)
		}
	}
	if _, err := oldstore.Open(t.Context(), filepath.Join(t.TempDir(), "missing"), g.config()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
