// Package harness runs the real program for black-box tests: it builds the binary once,
// starts, kills and restarts it on loopback, walks through its pages like a user with a
// browser, and provides an OAuth client that reports each response.
package harness
