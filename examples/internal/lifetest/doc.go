// Package lifetest takes an MCP client, that of mcp-go, through its life at an example's
// server: it registers, a person signs in, it calls a tool, refreshes and is revoked.
package lifetest
