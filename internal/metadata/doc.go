// Package metadata defines a client's metadata (RFC 7591 §2) as one value that
// registrations, stored clients and listings embed. It imports only the standard library.
package metadata
