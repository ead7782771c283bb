// Package gateway runs mcpkeep in front of MCP servers of other kinds, and compares what
// their clients see with and without it.
package gateway
