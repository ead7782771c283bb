// Package pgtest provides tests with a real PostgreSQL: a temporary server per test process
// (or one for all of them, under withpg), reached through a Unix socket, and a separate
// database per test. It can also start servers that a test stops, restarts and pauses.
package pgtest
