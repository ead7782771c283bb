// Package mcpserver is the built-in MCP server: tools with which people see and
// end their own connections, and administrators look after everybody's. It is
// stateless and works for whoever the caller in the request's context is; who
// that is, it leaves to the bearer middleware in front of it.
package mcpserver
