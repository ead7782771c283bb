// Package storage is what mcpkeep must remember, as its protocol sees it: the
// domain types, the sentinels and the interface. Each method is one atomic step
// of the protocol, durable when it returns; no transaction crosses the
// interface. It imports the standard library only.
package storage
