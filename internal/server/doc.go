// Package server is mcpkeep's HTTP interface: the OAuth endpoints, one file each, the page
// flow, the bearer check in front of the MCP endpoint, and health checks. It accesses storage
// through its interface and keeps no state of consequence, so any replica can serve any
// request.
package server
