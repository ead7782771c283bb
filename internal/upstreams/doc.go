// Package upstreams reads the file that names the MCP servers behind this one: YAML, and so
// JSON, with the mcpServers object that MCP clients use. What is wrong with it is one error
// with a line and a column. No error and no warning holds a value from the file, which may be
// a secret.
package upstreams
