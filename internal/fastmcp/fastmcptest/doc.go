// Package fastmcptest writes what a FastMCP server writes at a sign-in: tokens, and rows in
// its store. What it writes was compared with running servers.
package fastmcptest
