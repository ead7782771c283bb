// Package principal identifies who a request acts for: the user, the client that acts for
// them, and what its access token allows. The server puts a Principal into the context of
// each request whose token it has checked; MCP handlers and tools read it from there.
package principal
