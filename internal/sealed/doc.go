// Package sealed wraps a database whose secrets are encrypted: it opens transactions,
// translates errors, encrypts and decrypts values in place, records events and keeps the
// records of the keys. Its callers define what rows mean.
package sealed
