// Package gateway passes requests on to an MCP server behind this one, the upstream, and
// streams its responses back. It decides which headers cross, binds sessions to the user and
// client that they were given to, and tells the upstream who calls. It trusts its caller to
// have checked the access token, and takes the principal from the context.
package gateway
