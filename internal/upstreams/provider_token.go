package upstreams

import (
	"net/http"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/setting"
)

// ProviderToken says where an upstream gets the sign-in provider's access token of who calls.
type ProviderToken struct {
	Header string // in canonical form; "" for nowhere

	file string
	at   position
}

// Errorf returns an error about it.
func (p ProviderToken) Errorf(want, format string, args ...any) error {
	return p.at.errorf(p.file, want, format, args...)
}

func (p ProviderToken) anywhere() ProviderToken { return ProviderToken{Header: p.Header} }

// providerToken reads the name of a header, or none.
func (r *reader) providerToken(n *yaml.Node) ProviderToken {
	const want = "none, Authorization, or another header that nothing else sets"
	name := setting.Trim(r.text(n, want))
	if name == "none" {
		return ProviderToken{}
	}
	p := ProviderToken{Header: http.CanonicalHeaderKey(name), file: r.file, at: positionOf(n)}
	if !gateway.MayLend(p.Header) {
		r.fail(n, want, "%s cannot have the token", keyShown(name))
	}
	return p
}

// checkLending compares the header of the provider's token with the rest of the entry.
func (r *reader) checkLending(given members, u *Upstream) {
	name := u.ProviderToken.Header
	if name == "" {
		return
	}
	at := given["provider_token"].value
	switch {
	case u.Headers[name] != nil:
		r.fail(at, "a header that headers does not set", "%s is in headers as well", name)
	case slices.Contains(u.ForwardHeaders, name):
		r.fail(at, "a header that clients do not send", "%s is in forward_headers as well", name)
	case !u.Target.Keeps():
		r.fail(at, "https, a Unix socket or a loopback address", "the token would cross a network unencrypted")
	}
}
