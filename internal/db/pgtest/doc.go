// Package pgtest gives tests a real PostgreSQL: one throw-away server for each
// test process (or for all of them, under withpg), reached through a Unix
// socket, and a database of its own for each test. It can also start servers
// that a test may stop, restart and freeze.
package pgtest
