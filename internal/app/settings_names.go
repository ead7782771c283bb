package app

import (
	"net/url"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// Addresses are those of a listener on this machine's loopback interface.
type Addresses struct {
	BaseURL string   // for settings without one; "" where the setting decides
	Names   []string // origins that lead to this program
	// All: at no other name of this machine does the program listen.
	All bool
}

// checkNames returns the origins of the server, the issuer first.
func (s Settings) checkNames() (baseURL string, names []string, err *SettingError) {
	if baseURL, err = s.checkOrigin("BaseURL", s.BaseURL); err != nil {
		return "", nil, err
	}
	hosts := []string{hostOfOrigin(baseURL)}
	for _, text := range trimmed(s.Names) {
		origin, err := s.checkOrigin("Names", text)
		if err != nil {
			return "", nil, err
		}
		if slices.Contains(hosts, hostOfOrigin(origin)) {
			return "", nil, problem("Names", "each host once", "%q is listed twice", hostOfOrigin(origin))
		}
		names, hosts = append(names, origin), append(hosts, hostOfOrigin(origin))
	}
	return baseURL, names, nil
}

func hostOfOrigin(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	return host
}

// checkOrigin returns the one spelling of an origin: clients compare the issuer as a
// string, and leave out a default port.
func (s Settings) checkOrigin(field, text string) (string, *SettingError) {
	want := "an https origin without path, such as https://mcp.example.com (http only on loopback, or on a private network with {AllowHTTP}=true)"
	if text == "" {
		return "", problem(field, want, "required")
	}
	origin, ok := oauth.Origin(strings.TrimSuffix(text, "/"))
	if !ok && strings.ContainsAny(text, "@%") { // a password may stand before it
		return "", problem(field, want, "not usable")
	}
	if !ok {
		return "", problem(field, want, "%q is not usable", setting.Shown(text))
	}
	host := hostOfOrigin(origin)
	if u, err := url.Parse(origin); err == nil {
		host = u.Hostname()
	}
	switch {
	case host == "0.0.0.0" || host == "::":
		return "", problem(field, want, "%q is an address to listen on, not one to connect to", text)
	case strings.HasPrefix(origin, "https:") || IsLoopback(host):
		return origin, nil
	case !oauth.IsPrivateHost(host):
		return "", problem(field, want, "%q sends passwords and tokens over the internet without encryption", setting.Shown(text))
	case !s.AllowHTTP:
		return "", problem(field, want, "%q is not encrypted: everyone on its network could read passwords and tokens", setting.Shown(text))
	}
	return origin, nil
}

// checkOrigins says which web pages may call the MCP endpoint.
func (s Settings) checkOrigins() (oauth.OriginPolicy, *SettingError) {
	for _, entry := range trimmed(s.AllowedOrigins) {
		if _, err := oauth.NewOriginPolicy([]string{entry}); err != nil {
			return oauth.OriginPolicy{}, problem("AllowedOrigins",
				"origins such as https://app.example.com, or the scheme of an app with its colon, such as chrome-extension:", "%w", err)
		}
	}
	policy, _ := oauth.NewOriginPolicy(trimmed(s.AllowedOrigins)) // each entry has been checked
	return policy, nil
}

// at takes in where the server listens. When that is the base URL, the addresses of this
// machine that lead here are names as well, and no others are.
func (c *Checked) at(own Addresses) {
	if own.BaseURL != "" {
		c.BaseURL = own.BaseURL
	}
	if !slices.Contains(own.Names, c.BaseURL) {
		return
	}
	c.behind = c.behind && !own.All
	for _, origin := range own.Names {
		if origin != c.BaseURL && !slices.Contains(c.Names, origin) {
			c.Names = append(c.Names, origin)
		}
	}
}

// loopbackNames are the other names of a base URL on this machine.
func loopbackNames(baseURL string) []string {
	if !LoopbackURL(baseURL) {
		return nil
	}
	scheme, host, _ := strings.Cut(baseURL, "://")
	_, port, _ := strings.Cut(host[strings.LastIndex(host, "]")+1:], ":")
	return LoopbackOrigins(scheme, port, "127.0.0.1", "localhost", "[::1]")
}

// LoopbackOrigins returns the origins of hosts with a port.
func LoopbackOrigins(scheme, port string, hosts ...string) []string {
	var list []string
	for _, host := range hosts {
		if port != "" {
			host += ":" + port
		}
		if origin, ok := oauth.Origin(scheme + "://" + host); ok {
			list = append(list, origin)
		}
	}
	return list
}
