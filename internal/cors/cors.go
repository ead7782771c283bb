package cors

import (
	"net/http"
	"strings"
)

// Exposed are the headers of responses that pages may read.
const Exposed = "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After"

// Preflight answers a preflight request: methods are those that the endpoint has, separated by
// commas. The headers that pages may send are those of OAuth and MCP, and what the request names
// of the headers that repeat arguments of tools (MCP 2026-07-28).
func Preflight(w http.ResponseWriter, r *http.Request, methods string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", allowed(r))
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

func allowed(preflight *http.Request) string {
	headers := "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID"
	for _, list := range preflight.Header["Access-Control-Request-Headers"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); strings.HasPrefix(strings.ToLower(name), "mcp-param-") {
				headers += ", " + name
			}
		}
	}
	return headers
}
