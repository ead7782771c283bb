// Package clients connects real MCP clients, with their own OAuth code, to the
// real program: sign in, call tools, lose the server to kill -9, go on with the
// same token, refresh. It also runs the official conformance suite. The tests
// are behind the build tag clients; those of Node.js need npm.
package clients
