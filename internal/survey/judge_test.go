package survey_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/internal/survey"
)

const refreshLife = 30 * 24 * time.Hour

// TestSessions: live sessions are counted by the version of their rows and by what ends them,
// with the time of the one that lives longest, and apart from those that were taken over.
func TestSessions(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	hour, day := now.Add(time.Hour), now.Add(24*time.Hour)
	s.client("old", nil)
	s.client("new", map[string]any{"application_type": "web"})
	older := s.signIn("old", upstream(hour), now)
	s.older(older, upstream(hour), now)
	expired := s.signIn("new", upstream(now.Add(-time.Second)), now.Add(-time.Hour)) // at the provider: it is renewed
	s.signIn("new", upstream(hour), now)
	adopted := s.signIn("new", upstream(hour), now)
	app := s.signIn("old", fastmcptest.Upstream{AccessToken: "gho", ExpiresAt: day}, now) // an OAuth app
	read := s.read()
	until, appUntil := now.Add(refreshLife), day.Add(500*time.Millisecond).Truncate(time.Second)
	want := survey.Sessions{
		Total: 5, Adopted: 1, Live: 4, Renewals: 1, Refused: []survey.Refused{}, Groups: []survey.Group{
			{Version: "2.13 or 2.14", EndsWith: survey.EndsWithRefresh, Sessions: 1, Until: &until},
			{Version: "4.2 or later", EndsWith: survey.EndsWithRefresh, Sessions: 2, Until: &until},
			{Version: "4.2 or later", EndsWith: survey.EndsWithAccess, Sessions: 1, Until: &appUntil},
		},
	}
	read.MarkAdopted(adopted.ID)
	read.MarkAdopted("unknown")
	if diff := cmp.Diff(want, read.Report().Sessions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for id, want := range map[string]time.Time{older.ID: until, expired.ID: until, app.ID: appUntil} {
		if got, ok := read.Adoptable(id); !ok || !got.Truncate(time.Second).Equal(want) {
			t.Errorf("until %v, %t; want %v", got, ok, want)
		}
	}
	for _, id := range []string{adopted.ID, "unknown"} {
		if _, ok := read.Adoptable(id); ok {
			t.Errorf("%s can be taken over", id)
		}
	}
}

// TestNotAdoptable: why sessions cannot be taken over, one reason each.
func TestNotAdoptable(t *testing.T) {
	t.Parallel()
	day := now.Add(24 * time.Hour)
	for want, rows := range map[string]func(*store) fastmcptest.Session{
		"its client is not registered": func(s *store) fastmcptest.Session { return s.signIn("unknown", upstream(day), now) },
		"no token leads to it any more": func(s *store) fastmcptest.Session {
			one := s.signIn("app", upstream(day), now)
			s.drop(fastmcp.MappingCollection, one.AccessID)
			s.expire(fastmcp.MappingCollection, one.RefreshID, now)
			return one
		},
		"its tokens have ended": func(s *store) fastmcptest.Session {
			return s.signIn("app", upstream(now.Add(-time.Second)), now.Add(-refreshLife)) // with its refresh token
		},
		"its refresh token was in the memory of FastMCP 2.13.0 or 2.13.1, and its access token has expired: see MCPKEEP_FASTMCP_LEGACY_UNTIL": func(s *store) fastmcptest.Session {
			one := s.signIn("app", upstream(now.Add(-time.Second)), now.Add(-time.Hour))
			s.drop(fastmcp.RefreshCollection, fastmcptest.HashKey(one.Refresh))
			return one
		},
	} {
		s := newStore(t)
		s.client("app", nil)
		one := rows(s)
		r := s.read().Report().Sessions
		if diff := cmp.Diff([]survey.Refused{{Reason: want, Sessions: 1}}, r.Refused); diff != "" || r.Live != 0 || r.Total != 1 {
			t.Errorf("%+v (-want +got):\n%s", r, diff)
		}
		if _, ok := s.read().Adoptable(one.ID); ok {
			t.Errorf("%s: adoptable", want)
		}
	}
}

// TestLegacySessions: a session whose refresh token has no row counts as one that was in memory
// where no token has one, as long as the token could live.
func TestLegacySessions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		issued time.Duration // ago
		others bool          // have rows
		legacy int64
	}{
		"young": {time.Hour, false, 1}, "old": {refreshLife, false, 0}, "rows": {time.Hour, true, 0},
	} {
		s := newStore(t)
		s.client("app", nil)
		s.client("other", nil)
		one := s.signIn("app", upstream(now.Add(time.Hour)), now.Add(-c.issued).Truncate(time.Second).Add(-time.Second))
		s.drop(fastmcp.RefreshCollection, fastmcptest.HashKey(one.Refresh))
		if c.others {
			s.signIn("other", upstream(now.Add(time.Hour)), now)
		}
		r := s.read().Report()
		if r.Sessions.Legacy != c.legacy {
			t.Errorf("%s: %+v", name, r.Sessions)
		}
		for _, g := range r.Sessions.Groups {
			if !c.others && g.EndsWith != survey.EndsWithAccess {
				t.Errorf("%s: it ends with %s", name, g.EndsWith)
			}
		}
	}
}
