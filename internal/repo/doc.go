// Package repo is the encrypted implementation of storage.Store: it runs the
// generated queries, seals and opens what must be read back, and is the only
// place that maps rows to domain types. It holds no state of consequence, so
// any number of processes may work on one database.
package repo
