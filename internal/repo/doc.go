// Package repo is the encrypted implementation of storage.Store: it runs the generated
// queries, encrypts and decrypts values that must be read back, and is the only place that
// maps rows to domain types. It keeps no state of consequence, so any number of processes
// can share one database. A transaction locks rows in this order: the count of clients, a
// client, a user, grants, and then what FastMCP keeps of sessions. One that locks several clients
// locks their count. One that changes several grants by one statement locks them first, in the
// order of their IDs. A client's row in a table of FastMCP's own comes after its row in
// oauth_clients. PostgreSQL sees a deadlock after a second, by breaking it.
package repo
