// Package everything is the MCP server that the official conformance suite asks
// for, made with mcp-go: the tools, resources and prompts that its scenarios call,
// by their names. It serves all protocol revisions at one endpoint.
package everything
