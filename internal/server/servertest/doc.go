// Package servertest helps tests that put something in front of an HTTP server, such as a
// reverse proxy.
package servertest
