// Package https runs mcpkeep with HTTPS by itself against Pebble, Let's Encrypt's own
// test server: certificates obtained, shared, renewed under load, and what the log says
// when there is none. All of it is on loopback.
package https
