// Package takeover runs FastMCP servers of several versions, and lets mcpkeep take their
// place: the same port, database, key and provider. FastMCP's own client, signed in at the
// Python server, must continue without the browser. The suite needs the build tag takeover,
// and the virtual environments that scripts/fastmcp.sh makes.
package takeover
