// Package cors says what pages of any origin may send to an MCP server and read of it
// (Fetch standard, "CORS protocol").
package cors
