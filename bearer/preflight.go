package bearer

import (
	"net/http"
	"strings"
)

// allowedHeaders are those that pages of any origin may send: those of OAuth and MCP, and what a
// preflight names of the headers that repeat arguments of tools (MCP 2026-07-28).
func allowedHeaders(preflight *http.Request) string {
	allowed := "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID"
	for _, list := range preflight.Header["Access-Control-Request-Headers"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); strings.HasPrefix(strings.ToLower(name), "mcp-param-") {
				allowed += ", " + name
			}
		}
	}
	return allowed
}
