// Package survey reads what a FastMCP server has stored and reports what of it can be taken
// over, and what cannot and why. It changes nothing, and works on any store, whether mcpkeep
// has ever started on it or not.
package survey
