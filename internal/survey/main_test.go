package survey_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

// now is when the reports are made.
var now = time.Unix(1_800_000_000, 0).UTC()

const baseURL = "https://mcp.example"

// store is one of FastMCP.
type store struct {
	*testing.T
	keys   *keyring.Keyring
	python fastmcptest.Deployment
	rows   map[string]fastmcp.Row
}

func newStore(t *testing.T) *store {
	t.Helper()
	keys := ring(t, keyring.Generate())
	return &store{T: t, keys: keys, python: fastmcptest.New(baseURL, keys), rows: map[string]fastmcp.Row{}}
}

func ring(t *testing.T, keys ...string) *keyring.Keyring {
	t.Helper()
	k, err := keyring.Parse(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// put stores a row.
func (s *store) put(collection, key string, value json.RawMessage) {
	s.rows[fastmcp.RowKey(collection, key)] = fastmcp.Row{Collection: collection, Key: key, Value: value}
}

// expire gives a row the expiry that a store keeps next to it.
func (s *store) expire(collection, key string, at time.Time) {
	row := s.rows[fastmcp.RowKey(collection, key)]
	row.ExpiresAt = at
	s.rows[fastmcp.RowKey(collection, key)] = row
}

// client registers a client with the members that a version of FastMCP has.
func (s *store) client(id string, members map[string]any) {
	s.Helper()
	row := map[string]any{"client_id": id, "redirect_uris": []string{"https://app.example/cb"}, "scope": "user", "client_secret": nil}
	maps.Copy(row, members)
	s.put(fastmcp.ClientCollection, id, s.python.Row(s, row))
}

// upstream are tokens of the provider that end at a time.
func upstream(expires time.Time) fastmcptest.Upstream {
	return fastmcptest.Upstream{AccessToken: "gho", RefreshToken: "ghr", ExpiresAt: expires}
}

// signIn signs in at the time, with the rows of FastMCP 4.2.
func (s *store) signIn(client string, u fastmcptest.Upstream, at time.Time) fastmcptest.Session {
	s.Helper()
	session := s.python.SignIn(s, client, u, at)
	for name, value := range session.Rows {
		collection, key, _ := strings.Cut(name, ":")
		s.put(collection, key, value)
	}
	return session
}

// older takes from a session what FastMCP 4.2 added to it.
func (s *store) older(session fastmcptest.Session, u fastmcptest.Upstream, at time.Time) {
	s.Helper()
	row := fastmcptest.UpstreamSet(session.ID, session.ClientID, u, at)
	delete(row, "upstream_claims")
	s.put(fastmcp.SessionCollection, session.ID, s.python.Row(s, row))
}

// drop deletes a row.
func (s *store) drop(collection, key string) { delete(s.rows, fastmcp.RowKey(collection, key)) }

func (s *store) reader(plain bool, keys *keyring.Keyring) survey.Reader {
	return survey.Reader{Now: now, Plain: plain, Open: func(value json.RawMessage) ([]byte, string, error) { return fastmcp.OpenWithKey(keys, value) }}
}

// read reads all rows with the keys of the store.
func (s *store) read() *survey.Survey {
	s.Helper()
	return s.readWith(s.reader(false, s.keys))
}

func (s *store) readWith(r survey.Reader) *survey.Survey {
	s.Helper()
	read, err := survey.Read(s.Context(), func(_ context.Context, f func(fastmcp.Row) error) error {
		for _, row := range s.rows {
			if err := f(row); err != nil {
				return err
			}
		}
		return nil
	}, r)
	if err != nil {
		s.Fatal(err)
	}
	return read
}

// collection is what a report says about one.
func collection(t *testing.T, r survey.Report, name string) survey.Collection {
	t.Helper()
	for _, c := range r.Collections {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("%s is not reported", name)
	return survey.Collection{}
}
