//go:build clients

package clients_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

const (
	// leaver is the user who will not be on the list any more; stayer remains, and is an
	// administrator.
	leaver, stayer = "hubot", "octocat"

	// shortest is the shortest life of a token for a script.
	shortest = time.Minute
)

// TestMachineToken: a token for a script works with the official SDK and with curl, at its own
// server alone, on each replica. It is refused once it has been ended, when its time is over, and
// when its user has left. What was shown once is nowhere afterwards.
func TestMachineToken(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, engine)
			f.list(stayer, leaver)
			octo, hubot := f.signIn(stayer), f.signIn(leaver)
			brief := f.makeByCommand(stayer, "brief", "/mcp", "--for", shortest.String())
			f.works(brief, "/mcp")
			page := f.makeAtPage(octo, "nightly")
			f.works(page, "/mcp")
			f.refused(page, "/notes/mcp")
			other := f.makeByCommand(stayer, "weekly", "/notes/mcp")
			f.works(other, "/notes/mcp")
			f.refused(other, "/mcp")
			gone := f.makeAtPage(hubot, "left behind")
			f.works(gone, "/mcp")

			f.end(octo, page)
			f.list(stayer)
			f.refused(gone, "/mcp")
			f.list(stayer, leaver)
			f.refused(gone, "/mcp")
			time.Sleep(time.Until(brief.ends))
			f.refused(brief, "/mcp")
			f.works(other, "/notes/mcp")
			f.shownOnce(octo, page, brief, other, gone)
		})
	}
}

// token is a token for a script.
type token struct {
	value string
	id    string // of its grant
	ends  time.Time
}

var tokenValue = regexp.MustCompile(`mkp_[a-z2-7]{64}`)

// makeAtPage makes a token as a user does.
func (f *fleet) makeAtPage(b *harness.Browser, name string) token {
	f.t.Helper()
	b.Fields = map[string]string{"name": name}
	form := f.open(b, "/connections/token")
	page, err := b.Submit(f.t.Context(), form)
	if err != nil {
		f.t.Fatal(err)
	}
	value := tokenValue.FindString(page.Body)
	if value == "" || page.Header.Get("Cache-Control") != "no-store" {
		f.t.Fatalf("no token, or one that is kept: %v\n%s", page.Header, page.Body)
	}
	return f.made(value, name)
}

// makeByCommand makes a token as an operator does.
func (f *fleet) makeByCommand(user, name, path string, more ...string) token {
	f.t.Helper()
	args := append([]string{"tokens", "create", "--user", user, "--name", name, "--resource", f.url + path}, more...)
	r := f.replicas[0].Command(f.t.Context(), f.t, args...)
	value := tokenValue.FindString(r.Stdout)
	if r.Status != 0 || value == "" || tokenValue.MatchString(r.Stderr) {
		f.t.Fatalf("tokens create: status %d: %s", r.Status, r.Stderr)
	}
	return f.made(value, name)
}

// made finds a new token in the list.
func (f *fleet) made(value, name string) token {
	f.t.Helper()
	var list []struct {
		ID        string    `json:"grant_id"`
		Name      string    `json:"name"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal([]byte(f.command("tokens", "list", "--json")), &list); err != nil {
		f.t.Fatal(err)
	}
	for _, one := range list {
		if one.Name == name {
			return token{value: value, id: one.ID, ends: one.ExpiresAt}
		}
	}
	f.t.Fatalf("the list lacks %s: %+v", name, list)
	return token{}
}

// command runs one that must succeed and shows no token.
func (f *fleet) command(args ...string) string {
	f.t.Helper()
	r := f.replicas[0].Command(f.t.Context(), f.t, args...)
	if r.Status != 0 {
		f.t.Fatalf("%s: status %d: %s", strings.Join(args, " "), r.Status, r.Stderr)
	}
	f.printed = append(f.printed, r.Stdout, r.Stderr)
	return r.Stdout
}

// end ends a token at the page, and wants it refused soon.
func (f *fleet) end(b *harness.Browser, ended token) {
	f.t.Helper()
	link := regexp.MustCompile(`href="(/connections/end\?[^"]*` + ended.id + `[^"]*)"`).FindStringSubmatch(f.open(b, "/connections").Body)
	if link == nil {
		f.t.Fatal("the page does not offer to end the token")
	}
	if _, err := b.Submit(f.t.Context(), f.open(b, link[1])); err != nil {
		f.t.Fatal(err)
	}
	for began := time.Now(); f.curl(ended, "/mcp").status != http.StatusUnauthorized; {
		if time.Since(began) > slowestAnswer {
			f.t.Fatal("the token still works")
		}
	}
	f.refused(ended, "/mcp")
}

// writeConfig writes the file that names two servers behind the program.
func writeConfig(t *testing.T, upstream string) string {
	t.Helper()
	content, err := json.Marshal(map[string]any{"mcpServers": map[string]any{
		"default": map[string]any{"url": upstream}, "notes": map[string]any{"url": upstream},
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mcpkeep.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
