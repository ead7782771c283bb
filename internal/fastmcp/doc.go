// Package fastmcp implements the wire formats of FastMCP deployments whose client rows
// mcpkeep shares: the key of a row, py-key-value's Fernet envelope, and FastMCP's client
// JSON inside it. Its functions are pure; it does not access keys or the database.
package fastmcp
