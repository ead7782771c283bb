package pages

import (
	"net/url"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/display"
)

// vendor is a maker of apps whose names others like to borrow.
type vendor struct {
	name    string   // as people know it
	words   []string // names of its apps, in lower case
	hosts   []string // where its apps' answers go, subdomains included
	schemes []string // private-use schemes of its apps
}

// vendors are those that people connect most, so that their names are worth
// borrowing. The hosts are those of the apps' published redirect URIs.
var vendors = []vendor{
	{name: "Claude", words: []string{"claude", "anthropic"}, hosts: []string{"claude.ai", "claude.com", "anthropic.com"}},
	{name: "ChatGPT", words: []string{"chatgpt", "openai", "codex"}, hosts: []string{"chatgpt.com", "openai.com"}},
	{
		name: "Visual Studio Code", words: []string{"visualstudiocode", "vscode"},
		hosts: []string{"vscode.dev", "visualstudio.com"}, schemes: []string{"vscode", "vscode-insiders"},
	},
	{name: "Cursor", words: []string{"cursor"}, hosts: []string{"cursor.com"}, schemes: []string{"cursor"}},
	{name: "GitHub", words: []string{"github"}, hosts: []string{"github.com", "vscode.dev"}, schemes: []string{"vscode", "vscode-insiders"}},
	{name: "Microsoft", words: []string{"microsoft", "copilot"}, hosts: []string{"microsoft.com", "github.com", "vscode.dev", "powerplatform.com"}},
	{name: "Google", words: []string{"google", "gemini", "antigravity"}, hosts: []string{"google.com", "antigravity.google"}},
	{name: "Grok", words: []string{"grok"}, hosts: []string{"grok.com", "x.ai"}, schemes: []string{"grokbot"}},
}

// imitated returns the vendor whose name an app uses although its answers go
// elsewhere; nil when there is none. An app on this computer is no one's: the page
// says so of each.
func imitated(name string, target target, redirectURI string) *vendor {
	if target.Kind == targetLoopback {
		return nil
	}
	return borrowed(name, redirectURI)
}

// borrowed returns the vendor whose name an app uses at an address that is not the
// vendor's; nil when there is none.
func borrowed(name, address string) *vendor {
	letters := display.Skeleton(name)
	for i, v := range vendors {
		if slices.ContainsFunc(v.words, func(word string) bool { return strings.Contains(letters, display.Skeleton(word)) }) && !v.owns(address) {
			return &vendors[i]
		}
	}
	return nil
}

// owns reports whether a redirect URI leads to the vendor.
func (v vendor) owns(redirectURI string) bool {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return slices.Contains(v.schemes, u.Scheme) || u.Scheme == "https" && slices.ContainsFunc(v.hosts, func(own string) bool {
		return host == own || strings.HasSuffix(host, "."+own)
	})
}
