// Package server is mcpkeep's HTTP surface: the OAuth endpoints, one file each,
// the pages' flow, the bearer check in front of the MCP endpoint, and health.
// It sees storage through its interface and keeps no state of consequence, so
// that any replica may answer any request.
package server
