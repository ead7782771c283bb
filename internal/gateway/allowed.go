package gateway

import (
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// ownHeaders are made for each hop, or by this package.
var ownHeaders = []string{
	"Connection", "Content-Length", "Expect", "Host", "Http2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// MaySend reports whether the operator may have a header sent to an upstream, by its
// canonical name.
func MaySend(name string) bool {
	return httpguts.ValidHeaderFieldName(name) && !slices.Contains(ownHeaders, name) && !strings.HasPrefix(name, mcpPrefix) && !isIdentity(name)
}

// MayForward reports whether a header of clients may cross, by its canonical name.
func MayForward(name string) bool {
	return MaySend(name) && name != "Authorization" && name != "Cookie" && name != "Forwarded" && name != "Accept-Encoding" &&
		!strings.HasPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "x-forwarded-") && !strings.HasPrefix(name, "Sec-") && !strings.HasPrefix(name, "Proxy-")
}

// isIdentity reports whether a header is one by which mcpkeep says who calls, in any
// spelling that some server takes for it: CGI and its heirs make no difference between a
// hyphen and an underscore.
func isIdentity(name string) bool {
	return strings.HasPrefix(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "x-mcpkeep-")
}
