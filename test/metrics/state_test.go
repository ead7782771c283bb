package metrics_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// TestState: a scrape shows what there is: two apps of one user, whom GitHub signed in, the key,
// the schema and the start; and durations count what their counters do.
func TestState(t *testing.T) {
	t.Parallel()
	for _, e := range harness.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			gh := githubtest.New(t)
			gh.AddUser(githubtest.User{Login: "octocat"})
			gh.SignInAs("octocat")
			opts := e.Options(t)
			opts.Env = append(opts.Env, "MCPKEEP_PROVIDER=github", "MCPKEEP_ALLOWED_USERS=octocat", "MCPKEEP_PROVIDER_GRACE=10h",
				"MCPKEEP_GITHUB_CLIENT_ID="+gh.ClientID, "MCPKEEP_GITHUB_CLIENT_SECRET="+gh.ClientSecret,
				"MCPKEEP_GITHUB_URL="+gh.URL, "MCPKEEP_GITHUB_API_URL="+gh.APIURL)
			s := start(t, opts)
			for range 2 {
				c, b := harness.NewClient(s.URL, nil), harness.NewBrowser(nil)
				b.Sites = []string{gh.URL}
				if err := c.SignIn(t.Context(), b); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Call(t.Context(), "whoami"); err != nil {
					t.Fatal(err)
				}
			}
			got := s.samples(t.Context(), t)
			counted(t, got, "mcpkeep_request_duration_seconds", "mcpkeep_requests_total")
			counted(t, got, "mcpkeep_upstream_call_duration_seconds", "mcpkeep_upstream_calls_total")
			counted(t, got, "mcpkeep_provider_request_duration_seconds", "mcpkeep_provider_requests_total")
			asked := gh.Calls("/login/oauth/access_token") + gh.Calls("/user")
			if n := got[`mcpkeep_provider_requests_total{outcome="ok"}`]; asked == 0 || n != float64(asked) {
				t.Errorf("%v requests to the provider, which got %d", n, asked)
			}

			began := time.Now()
			s.Kill9()
			if err := s.Restart(); err != nil { // what is counted now and then is counted at the start
				t.Fatal(err)
			}
			got = s.samples(t.Context(), t)
			schema, err := strconv.Atoi(regexp.MustCompile(`schema (\d+)`).FindStringSubmatch(s.Ready)[1])
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]float64{
				"clients": 2, "users": 1, "grants_live": 2, "encryption_keys_missing": 0, "database_up": 1, "schema_version": float64(schema),
				"provider_grace_seconds": 36000, "provider_unanswered_since_timestamp_seconds": 0,
			} {
				if value, there := got["mcpkeep_"+name]; !there || value != want {
					t.Errorf("mcpkeep_%s is %v (there: %v), want %v", name, value, there, want)
				}
			}
			for _, name := range []string{"mcpkeep_encryption_key_info", "mcpkeep_build_info"} {
				if n, all := total(got, name); n != 1 || all != 1 {
					t.Errorf("%s has %d series, which are %v together", name, n, all)
				}
			}
			if at := got["mcpkeep_start_time_seconds"]; at < float64(began.Unix()) || at > float64(time.Now().Unix()+1) {
				t.Errorf("started at %v, it was after %v", at, began)
			}
			if open, _ := total(got, "mcpkeep_database_connections"); open == 0 || got["mcpkeep_database_connections_max"] < 1 {
				t.Errorf("%d states of connections, at most %v", open, got["mcpkeep_database_connections_max"])
			}
		})
	}
}

// total adds up the series of a family.
func total(samples map[string]float64, family string) (series int, sum float64) {
	for name, value := range samples {
		if name == family || strings.HasPrefix(name, family+"{") {
			series++
			sum += value
		}
	}
	return series, sum
}

// counted wants a histogram to have as many values as its counter.
func counted(t *testing.T, samples map[string]float64, histogram, counter string) {
	t.Helper()
	_, values := total(samples, histogram+"_count")
	if _, n := total(samples, counter); n == 0 || values != n {
		t.Errorf("%s has %v values, %s is %v", histogram, values, counter, n)
	}
}
