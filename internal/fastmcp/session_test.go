package fastmcp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// pythonSession is what FastMCP 4.2.3 stores for a sign-in with a GitHub App.
const pythonSession = `{"upstream_token_id":"up-1","access_token":"ghu_1","refresh_token":"ghr_1","refresh_token_expires_at":1765724800.5,` +
	`"expires_at":1750028800.25,"token_type":"bearer","scope":"","client_id":"client-1","created_at":1750000000.25,` +
	`"raw_token_data":{"access_token":"ghu_1","expires_in":28800,"refresh_token":"ghr_1","scope":"","token_type":"bearer","expires_at":1750028800},` +
	`"upstream_claims":null,"later":["\u00e9"]}`

func TestSessionRow(t *testing.T) {
	t.Parallel()
	s, err := fastmcp.DecodeSession([]byte(pythonSession), "up-1")
	if err != nil {
		t.Fatal(err)
	}
	got := []any{s.ID, s.ClientID, s.AccessToken, s.RefreshToken, s.ExpiresAt.UnixMilli(), s.CreatedAt.UnixMilli()}
	if diff := cmp.Diff([]any{"up-1", "client-1", "ghu_1", "ghr_1", int64(1750028800250), int64(1750000000250)}, got); diff != "" {
		t.Error(diff)
	}
	if text := fmt.Sprintf("%v %+v %#v %x", s, s, s, s); strings.Contains(text, "ghu_1") || strings.Contains(text, "ghr_1") {
		t.Errorf("it shows its tokens: %s", text)
	}
}

// TestSessionRenewed: a renewal changes the tokens and their expiry in both places where
// FastMCP keeps them, and nothing else.
func TestSessionRenewed(t *testing.T) {
	t.Parallel()
	now := time.Unix(1750030000, 0)
	for name, c := range map[string]struct {
		before  string
		renewal fastmcp.Renewal
		want    []string // old and new
	}{
		"all": {
			pythonSession, fastmcp.Renewal{AccessToken: "ghu_2", RefreshToken: "ghr_2", ExpiresAt: now.Add(8 * time.Hour)},
			[]string{"ghu_1", "ghu_2", "ghr_1", "ghr_2", `"expires_at":1750028800.25`, `"expires_at":1750058800.0`, `"expires_at":1750028800`, `"expires_at":1750058800`},
		},
		"the access token alone": {pythonSession, fastmcp.Renewal{AccessToken: "ghu_2"}, []string{"ghu_1", "ghu_2"}},
	} {
		s, err := fastmcp.DecodeSession([]byte(c.before), "up-1")
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.EncodeRenewed(c.renewal, now)
		want := sortedRaw(strings.NewReplacer(c.want...).Replace(c.before))
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v: %s", name, err, diff)
		}
	}
}

// sortedRaw has the members of raw_token_data in the order in which they are written.
func sortedRaw(row string) string {
	begin := strings.Index(row, `{"access_token"`)
	end := begin + strings.IndexByte(row[begin:], '}')
	members := strings.Split(row[begin+1:end], ",")
	for i := range members {
		for j := range members[:i] {
			if members[i] < members[j] {
				members[i], members[j] = members[j], members[i]
			}
		}
	}
	return row[:begin+1] + strings.Join(members, ",") + row[end:]
}

// TestRowsRefused: a row with a member missing or of another type, and one in the place of
// another, is not read.
func TestRowsRefused(t *testing.T) {
	t.Parallel()
	const (
		mapping = `{"jti":"j","upstream_token_id":"up-1","created_at":1750000000.25}`
		refresh = `{"client_id":"c","scopes":["user"],"expires_at":1752592000,"created_at":1750000000.25}`
	)
	readers := map[string]func(string) error{
		mapping: func(s string) error { _, err := fastmcp.DecodeMapping([]byte(s), "j"); return err },
		refresh: func(s string) error { _, err := fastmcp.DecodeRefresh([]byte(s)); return err },
		pythonSession: func(s string) error {
			_, err := fastmcp.DecodeSession([]byte(s), "up-1")
			return err
		},
	}
	for row, read := range readers {
		if err := read(row); err != nil {
			t.Errorf("%s: %v", row, err)
		}
		for _, broken := range []string{"", "null", "[]", "1", `"x"`, "{}", row[:len(row)-1]} {
			if err := read(broken); !errors.Is(err, fastmcp.ErrRow) {
				t.Errorf("%q: %v", broken, err)
			}
		}
	}
	for _, c := range []struct{ row, old, new string }{
		{mapping, `"jti":"j"`, `"jti":"k"`},
		{mapping, `"jti":"j"`, `"jti":null`},
		{mapping, `"up-1"`, "1"},
		{mapping, `"up-1"`, `""`},
		{mapping, `"upstream_token_id":"up-1",`, ""},
		{refresh, `"c"`, `""`},
		{refresh, `"c"`, "null"},
		{refresh, "1752592000", `"1752592000"`},
		{refresh, "1752592000", "-1"},
		{refresh, `"expires_at":1752592000,`, ""},
		{pythonSession, `"up-1"`, `"up-2"`},
		{pythonSession, `"access_token":"ghu_1"`, `"access_token":""`},
		{pythonSession, `"access_token":"ghu_1"`, `"access_token":null`},
		{pythonSession, `"client_id":"client-1"`, `"client_id":["client-1"]`},
		{pythonSession, `"refresh_token":"ghr_1",`, ""},
		{pythonSession, "1750028800.25", "true"},
		{pythonSession, "1750028800.25", "1e300"},
		{pythonSession, "1750000000.25", "0"},
	} {
		if err := readers[c.row](strings.Replace(c.row, c.old, c.new, 1)); !errors.Is(err, fastmcp.ErrRow) {
			t.Errorf("with %s in place of %s: %v", c.new, c.old, err)
		}
	}
	if r, err := fastmcp.DecodeRefresh([]byte(strings.Replace(refresh, "1752592000", "null", 1))); err != nil || !r.ExpiresAt.IsZero() {
		t.Errorf("a refresh token without end: %v, %v", r, err)
	}
	if s, err := fastmcp.DecodeSession([]byte(strings.Replace(pythonSession, `"ghr_1"`, "null", 1)), "up-1"); err != nil || s.RefreshToken != "" {
		t.Errorf("a session without refresh token: %v, %v", s, err)
	}
}
