// Package storage defines what mcpkeep stores, in terms of the protocol: the domain types,
// the sentinel errors and the interface. Each method is one atomic step of the protocol and
// durable when it returns; no transaction spans calls. It imports only the standard library.
package storage
