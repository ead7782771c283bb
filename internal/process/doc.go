// Package process runs the command of an MCP server that speaks stdio, without a shell.
//
// Each command has a supervisor: this program, started again, which turns into one before main
// (see init in supervisor.go). The supervisor is the parent of the command, and of all that the
// command leaves behind (Linux), and waits at a pipe from mcpkeep. When mcpkeep ends, however
// that happens, the pipe ends, and the supervisor kills the command's process group.
//
//	mcpkeep ─┬─ supervisor ── command ── its children
//	         └─ supervisor ── command
//
// Standard input and output are pipes between mcpkeep and the command; the supervisor copies
// nothing. One supervisor for each command, rather than one for all, is the parent whose
// children are that command's alone, so that all of them can be found; it passes no
// descriptors around; and what happens to it happens to one command.
package process
