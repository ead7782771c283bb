// Package rules decides what a person may use of an MCP server: which tools, prompts and
// resources. It reads messages as strictly as the strictest parser: what two parsers could
// understand differently is refused, so that the server behind reads what was judged. It
// knows no HTTP.
package rules
