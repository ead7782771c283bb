// Package oldstore reads the stores of FastMCP that are not in mcpkeep's database: the
// directory that it keeps by default, and Redis. It changes nothing in them.
package oldstore
