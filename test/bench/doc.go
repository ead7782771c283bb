// Package bench measures mcpkeep and prints one Markdown table, which docs/performance.md
// contains. The sides of a comparison alternate in one process, so that machine noise
// affects both: mcpkeep and a minimal program on the same database or MCP server, and a
// database with many clients and one with few. It asserts nothing. Run it with make bench.
package bench
