package survey_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

// TestCollections: rows are counted by collection: which key opens them, and which do not open,
// are none of the collection, are in the clear where they must not be, or have ended.
func TestCollections(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	second := ring(t, keyring.Generate())
	s.client("app", nil)
	both := s.keys.With(second)
	row := fastmcptest.Mapping("jti", "session", now)
	sealed := func(k *keyring.Keyring) json.RawMessage { return fastmcptest.New(baseURL, k).Row(t, row) }
	const c = fastmcp.MappingCollection
	s.put(c, "jti", sealed(s.keys))
	s.rows["again"] = s.rows[fastmcp.RowKey(c, "jti")] // which a store may read twice
	s.rows["second"] = fastmcp.Row{Collection: c, Key: "jti", Value: sealed(second)}
	s.rows["ended"] = fastmcp.Row{Collection: c, Key: "jti", Value: sealed(second), ExpiresAt: now}
	s.rows["lives"] = fastmcp.Row{Collection: c, Key: "jti", Value: sealed(second), ExpiresAt: now.Add(time.Second)}
	s.put(c, "unknown", sealed(ring(t, keyring.Generate())))
	s.put(c, "damaged", json.RawMessage("3"))
	s.put(c, "another", sealed(s.keys)) // it names another key
	s.put(c, "plain", fastmcptest.Deployment{}.Row(t, fastmcptest.Mapping("plain", "session", now)))
	s.put("mcp-notes", "key", sealed(s.keys)) // of another application
	s.put(fastmcp.ClientCollection, "plain", fastmcptest.Deployment{}.Row(t, map[string]any{"client_id": "plain"}))

	r := s.readWith(s.reader(false, both)).Report()
	want := survey.Collection{
		Name: c, Rows: 9, Opened: map[string]int64{s.keys.Primary(): 3, second.Primary(): 3, survey.Plain: 1}, Unreadable: 2, Malformed: 1, Refused: 1, Expired: 1,
	}
	if diff := cmp.Diff(want, collection(t, r, c)); diff != "" {
		t.Errorf("mappings (-want +got):\n%s", diff)
	}
	want = survey.Collection{Name: fastmcp.ClientCollection, Rows: 2, Opened: map[string]int64{s.keys.Primary(): 1, survey.Plain: 1}}
	if diff := cmp.Diff(want, collection(t, r, fastmcp.ClientCollection)); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
	if len(r.Collections) != len(fastmcp.Collections()) {
		t.Errorf("%d collections", len(r.Collections))
	}
	r = s.readWith(s.reader(true, both)).Report()
	if got := collection(t, r, c); got.Refused != 0 || got.Opened[survey.Plain] != 1 {
		t.Errorf("where rows in the clear count: %+v", got)
	}
}

// TestExpired: each collection says in its own way what has ended, to the second.
func TestExpired(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		collection string
		row        func(ends time.Time) map[string]any
	}{
		"code": {fastmcp.CodeCollection, func(ends time.Time) map[string]any { return map[string]any{"expires_at": ends.Unix()} }},
		"transaction": {fastmcp.TransactionCollection, func(ends time.Time) map[string]any {
			return map[string]any{"created_at": ends.Add(-15 * time.Minute).Unix()}
		}},
		"refresh token": {fastmcp.RefreshCollection, func(ends time.Time) map[string]any {
			return map[string]any{"client_id": "app", "scopes": []string{}, "expires_at": ends.Unix(), "created_at": now.Unix()}
		}},
	} {
		s := newStore(t)
		s.put(row.collection, "ended", s.python.Row(t, row.row(now)))
		s.put(row.collection, "lives", s.python.Row(t, row.row(now.Add(time.Second))))
		s.put(row.collection, "neither", s.python.Row(t, map[string]any{}))
		if c := collection(t, s.read().Report(), row.collection); c.Rows != 3 || c.Expired != 1 || c.Malformed != 1 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestClients: clients are counted by what they have, those of mcpkeep apart, with the scopes
// that FastMCP's registered for, the most frequent first.
func TestClients(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.client("secret", map[string]any{"client_secret": "hush", "scope": "user repo"})
	s.client("plain", nil)
	s.client("other", map[string]any{"scope": "user"})
	s.client("https://app.example/client.json", map[string]any{"cimd_document": map[string]any{}, "cimd_fetched_at": 1, "scope": nil})
	s.client("ours", map[string]any{"scope": "mcp", fastmcp.ExtraMember: map[string]any{}})
	s.client("named", map[string]any{"client_id": "differently"})
	want := survey.Clients{Total: 5, Secrets: 1, Documents: 1, Ours: 1, Scopes: []string{"user", "user repo"}}
	r := s.read().Report()
	if diff := cmp.Diff(want, r.Clients); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c := collection(t, r, fastmcp.ClientCollection); c.Malformed != 1 {
		t.Errorf("%+v", c)
	}
}

// TestVersion: the guess goes by the newest rows, and says what shows it.
func TestVersion(t *testing.T) {
	t.Parallel()
	secret := map[string]any{"client_secret": "hush"}
	for want, rows := range map[string]func(*store){
		"": func(*store) {}, "2.13 or 2.14": func(s *store) { s.client("app", nil) }, "2.13": func(s *store) { s.client("app", secret) },
		"3": func(s *store) { s.client("app", map[string]any{"cimd_document": nil}) },
		"4": func(s *store) {
			s.client("app", map[string]any{"cimd_document": nil, "application_type": "web"})
		},
		"4.2 or later": func(s *store) {
			s.client("app", map[string]any{"application_type": "web"})
			s.signIn("app", upstream(now.Add(time.Hour)), now)
		},
		"2.13.0 or 2.13.1": func(s *store) {
			s.client("app", secret)
			u := upstream(now.Add(time.Hour))
			one := s.signIn("app", u, now)
			s.older(one, u, now)
			s.drop(fastmcp.RefreshCollection, fastmcptest.HashKey(one.Refresh))
		},
		"2.13.2 or later 2.13": func(s *store) {
			s.client("app", secret)
			u := upstream(now.Add(time.Hour))
			s.older(s.signIn("app", u, now), u, now)
		},
		"2.13.2 to 2.14": func(s *store) {
			s.client("app", nil)
			u := upstream(now.Add(time.Hour))
			s.older(s.signIn("app", u, now), u, now)
		},
	} {
		s := newStore(t)
		rows(s)
		if v := s.read().Report().Version; v.Guess != want || (len(v.Evidence) == 0) != (want == "") {
			t.Errorf("%q: %+v", want, v)
		}
	}
}

// TestReadEnds: a store that fails ends the reading with its error.
func TestReadEnds(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := survey.Read(t.Context(), func(context.Context, func(fastmcp.Row) error) error { return broken }, survey.Reader{})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestLive: of a row that a session may need, what is in it; of others nothing.
func TestLive(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	session := s.signIn("app", upstream(now.Add(time.Hour)), now)
	s.put(fastmcp.MappingCollection, "plain", fastmcptest.Deployment{}.Row(t, fastmcptest.Mapping("plain", session.ID, now)))
	s.put(fastmcp.MappingCollection, "lost", json.RawMessage("{"))
	s.expire(fastmcp.MappingCollection, session.AccessID, now)
	var live []string
	for name, row := range s.rows {
		if plaintext, ok := s.reader(false, s.keys).Live(row); ok {
			live = append(live, name)
			if want, err := fastmcp.Open(s.keys, row.Value); err != nil || !slices.Equal(want, plaintext) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	slices.Sort(live)
	want := []string{
		fastmcp.RowKey(fastmcp.MappingCollection, session.RefreshID), fastmcp.RowKey(fastmcp.RefreshCollection, fastmcptest.HashKey(session.Refresh)),
		fastmcp.RowKey(fastmcp.SessionCollection, session.ID),
	}
	if diff := cmp.Diff(want, live); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
