// Package conformance runs the official conformance suite of the Model Context
// Protocol: its authorization mode against the real program, and its server mode
// against a server made with mcp-go behind mcpkeep's handlers. The tests are behind
// the build tag conformance and need Node.js 22 (scripts/node.sh).
package conformance
