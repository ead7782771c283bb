//go:build clients

package clients_test

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/storage"
	"github.com/mcpkeep/mcpkeep/test/harness"
	"github.com/mcpkeep/mcpkeep/test/harness/search"
)

// listing are the pages that show connections, apps, users and events.
var listing = []string{
	"/connections", "/connections/token", "/connections/end", "/admin/people", "/admin/apps", "/admin/connections", "/admin/events", "/admin/server",
}

// shownOnce searches everything that processes, pages, commands, events and the database have
// for the tokens. What has to be there shows that the search looks at the right places.
func (f *fleet) shownOnce(b *harness.Browser, tokens ...token) {
	f.t.Helper()
	places := map[string]string{}
	for _, path := range listing {
		places["page "+path] = f.open(b, path).Body
	}
	places["events"] = f.command("events", "--json", "--limit", "0")
	f.command("tokens", "list")
	f.command("grants", "list", "--json")
	for i, p := range f.replicas {
		places[fmt.Sprintf("log %d", i)] = p.Logs.String()
	}
	stored := ""
	for name, content := range search.Dump(f.t, f.database) {
		places[name] = string(content)
		stored += string(content)
	}
	places["commands and clients"], places["upstream"] = strings.Join(f.printed, "\n"), strings.Join(f.upstream.all(), "\n")
	for name, text := range places {
		for _, token := range tokens {
			if as := search.Encoded(text, token.value); as != "" {
				f.t.Errorf("%s has the token %s (%s)", name, token.id, as)
			}
		}
	}
	last := tokens[len(tokens)-1]
	for place, there := range map[string]string{
		"events": string(storage.EventPersonalTokenRefused), "page /admin/events": last.id, "page /connections": "weekly",
		"log 0": "personal token refused", "log 1": "personal token refused", "commands and clients": last.id, "upstream": storage.PersonalClientID,
	} {
		if !strings.Contains(places[place], there) {
			f.t.Errorf("%s lacks %q: the search looks at the wrong things", place, there)
		}
	}
	if !search.Hash(stored, sha256.Sum256([]byte(last.value))) {
		f.t.Error("the database lacks the hash of the token: the search looks at the wrong things")
	}
}
