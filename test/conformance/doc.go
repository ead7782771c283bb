// Package conformance runs the official conformance suite of the Model Context Protocol: its
// authorization mode against the real program, and its server mode against an mcp-go server
// behind mcpkeep's handlers and as an upstream of the program. The tests need the build tag conformance and Node.js 22
// (scripts/node.sh).
package conformance
