// Package fastmcp is the wire formats of FastMCP deployments whose rows are
// shared: the key of a client row, FastMCP's client JSON, and py-key-value's
// Fernet envelope around it. Pure functions; no database, no keys.
package fastmcp
