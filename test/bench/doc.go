// Package bench measures mcpkeep and prints one table, in Markdown, as
// docs/performance.md has it. What is compared runs in turns in one process, so
// that the machine's mood falls on all sides: mcpkeep beside what a plain program
// does with the same database or the same MCP server, and a database of many
// clients beside one of a few. Nothing is asserted. Run with make bench.
package bench
