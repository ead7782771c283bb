// Package mcpserver is the built-in MCP server. Its tools let users list and end their own
// connections, and let administrators manage everyone's. It is stateless and acts for the
// principal in the request's context, which the bearer middleware sets.
package mcpserver
