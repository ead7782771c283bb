package pages

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

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
	letters := skeleton(name)
	for i, v := range vendors {
		if slices.ContainsFunc(v.words, func(word string) bool { return strings.Contains(letters, skeleton(word)) }) && !v.owns(address) {
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

// skeleton is what a reader perceives of a name: letters without marks, in lower case,
// look-alikes of other scripts and digits as the Latin letters they pass for,
// nothing between them.
func skeleton(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(norm.NFKC.String(display.Bound(name)))) {
		if like, ok := lookalikes[r]; ok {
			r = like
		}
		if unicode.IsLetter(r) {
			b.WriteRune(r)
		}
	}
	return strings.NewReplacer("rn", "m", "vv", "w").Replace(b.String())
}

// lookalikes maps runes to the Latin letter that they pass for in common fonts
// (after Unicode Technical Standard 39, as far as the vendors' names need it). i and
// l are one letter, since in many fonts they are.
var lookalikes = map[rune]rune{
	'0': 'o', '1': 'l', '3': 'e', '5': 's', '|': 'l', '!': 'l', 'i': 'l', 'ı': 'l', 'ɩ': 'l', 'ǀ': 'l', 'ɡ': 'g', 'ɑ': 'a',
	// Cyrillic
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ё': 'e', 'һ': 'h', 'і': 'l', 'ї': 'l', 'ӏ': 'l', 'ј': 'j', 'к': 'k',
	'м': 'm', 'п': 'n', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'г': 'r', 'ѕ': 's', 'т': 't', 'ц': 'u', 'ѵ': 'v', 'ѡ': 'w', 'х': 'x', 'у': 'y',
	// Greek
	'α': 'a', 'ϲ': 'c', 'ε': 'e', 'ι': 'l', 'κ': 'k', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'ν': 'v', 'χ': 'x', 'γ': 'y',
	// Armenian, Cherokee, Lisu
	'օ': 'o', 'ց': 'g', 'ո': 'n', 'ս': 'u', 'Ꭰ': 'd', 'ꓚ': 'c', 'ꓡ': 'l', 'ꓮ': 'a', 'ꓴ': 'u', 'ꓓ': 'd', 'ꓰ': 'e',
}
