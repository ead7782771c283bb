// Package everything is the MCP server that the official conformance suite requires, built
// with mcp-go: the tools, resources and prompts that its scenarios call by name. It serves
// all protocol revisions at one endpoint.
package everything
