// Package bench measures mcpkeep against the bare database and reports ratios:
// both sides run in turns in one process on one database, so that the machine's
// mood falls on both. Nothing is asserted. Run with make bench.
package bench
