//go:build takeover

package takeover_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
	"github.com/mcpkeep/mcpkeep/internal/fastmcp/fastmcptest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// bulkSessions is how many sessions a bulk run finds.
const bulkSessions = 60

// bulkResult is the last line of `adopt --json`.
type bulkResult struct {
	Type     string `json:"type"`
	Complete bool   `json:"complete"`
	Adopted  int64  `json:"adopted"`
	Known    int64  `json:"already_adopted"`
	Left     int64  `json:"left_for_first_use"`
	Refused  int64  `json:"refused"`
	Busy     int64  `json:"in_progress"`
}

// TestBulk: `mcpkeep adopt` is killed again and again while a server takes the same sessions
// over as their tokens come, and while FastMCP signs users in and renews tokens at GitHub. In
// the end each session is one connection, its tokens work, FastMCP has lost none of its own,
// and another run does nothing.
func TestBulk(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			r := leave(t, engine)
			r.gh.SetTokenLifetime(8 * time.Hour)
			r.options.Env = append(r.options.Env, "DATABASE_URL="+r.options.Database, "MCPKEEP_BASE_URL=http://127.0.0.1:9")
			var sessions []fastmcptest.Session
			for range bulkSessions {
				sessions = append(sessions, r.signIn())
			}
			keep := harness.Start(t, r.options)
			r.gh.SetSlow(50 * time.Millisecond) // so that a kill meets questions
			stop := make(chan struct{})
			var others sync.WaitGroup
			var later []fastmcptest.Session
			others.Go(func() { later = r.pythonWrites(sessions[:5], stop) })
			others.Go(func() { // clients come while the command runs
				for _, s := range sessions[bulkSessions/2:] {
					served(t, keep.URL, s, time.Minute)
				}
			})
			r.killBulk()
			close(stop)
			others.Wait()
			result := r.finishBulk()
			for _, s := range append(sessions[:bulkSessions/2:bulkSessions/2], later...) {
				served(t, keep.URL, s, time.Minute)
			}
			all := int64(len(sessions) + len(later))
			if grants := r.count("SELECT COUNT(*) FROM mcpkeep_grants WHERE revoked_at IS NULL"); grants != all {
				t.Errorf("%d connections of %d sessions", grants, all)
			}
			if again := r.bulk(); again.Adopted != 0 || !again.Complete {
				t.Errorf("again: %+v", again)
			}
			t.Logf("%d sessions under %d kills, %d of them new; the last run that found work: %+v", all, kills, len(later), result)
		})
	}
}

// killBulk runs the command, and kills it while it asks GitHub.
func (r *remains) killBulk() {
	r.Helper()
	for i := range kills {
		before := r.gh.Calls("/user")
		c := harness.Spawn(r.T, r.options.Env, "adopt", "--json", "--rate", "40")
		for end := time.Now().Add(time.Minute); r.gh.Calls("/user") < before+8+2*i && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
		c.Kill9()
	}
}

// bulk runs the command to its end.
func (r *remains) bulk() (result bulkResult) {
	r.Helper()
	got := harness.Run(r.Context(), r.T, r.options.Env, "adopt", "--json", "--rate", "1000")
	lines := strings.Split(strings.TrimSpace(got.Stdout), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &result); err != nil || got.Status != 0 {
		r.Fatalf("adopt: status %d, %v: %s%s", got.Status, err, got.Stdout, got.Stderr)
	}
	return result
}

// finishBulk runs the command until no session is left that a killed run had begun with: it
// counts as in progress for half a minute.
func (r *remains) finishBulk() (last bulkResult) {
	r.Helper()
	for end := time.Now().Add(abandoned); ; time.Sleep(time.Second) {
		result := r.bulk()
		if result.Adopted > 0 {
			last = result
		}
		if result.Refused > 0 || result.Left > 0 {
			r.Fatalf("%+v", result)
		}
		if result.Busy == 0 {
			return last
		}
		if time.Now().After(end) {
			r.Fatalf("in progress for %v: %+v", abandoned, result)
		}
	}
}

// pythonWrites is FastMCP, which runs all the while: it signs users in, and renews the tokens
// of some sessions at GitHub, whose refresh tokens are good once.
func (r *remains) pythonWrites(renewed []fastmcptest.Session, stop <-chan struct{}) (signedIn []fastmcptest.Session) {
	r.Helper()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return signedIn
		case <-time.After(200 * time.Millisecond):
		}
		if len(signedIn) < 10 {
			signedIn = append(signedIn, r.signIn())
		}
		r.pythonRenews(renewed[i%len(renewed)])
	}
}

// pythonRenews renews a session's token at GitHub and replaces its row, as FastMCP does.
func (r *remains) pythonRenews(s fastmcptest.Session) {
	r.Helper()
	old := r.session(s.ID)
	token, err := r.renewAtGitHub(old.RefreshToken)
	if err != nil {
		r.Errorf("FastMCP cannot renew its token at GitHub: %v", err)
		return
	}
	row := r.python.Row(r.T, fastmcptest.UpstreamSet(s.ID, oldClient, token, time.Now()))
	dbtest.Exec(r.T, r.db, "UPDATE oauth_clients SET value = $1 WHERE key = $2", string(row), fastmcp.RowKey(fastmcp.SessionCollection, s.ID))
}

// renewAtGitHub is FastMCP's use of a refresh token of GitHub.
func (r *remains) renewAtGitHub(refresh string) (u fastmcptest.Upstream, err error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {r.gh.ClientID}, "client_secret": {r.gh.ClientSecret}}
	got := send(r.T, r.gh.URL+"/login/oauth/access_token", form.Encode(), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"},
	})
	if got.tokens.Refresh == "" {
		return u, fmt.Errorf("%d %s", got.status, got.tokens.Error)
	}
	return fastmcptest.Upstream{AccessToken: got.tokens.Access, RefreshToken: got.tokens.Refresh, ExpiresAt: time.Now().Add(8 * time.Hour)}, nil
}
