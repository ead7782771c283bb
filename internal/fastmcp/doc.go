// Package fastmcp is the wire formats of FastMCP deployments whose client rows
// are shared: the key of a row, py-key-value's Fernet envelope, and FastMCP's
// client JSON inside it. Pure functions: it has no keys and knows no database.
package fastmcp
