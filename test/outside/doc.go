// Package outside inspects the real program after a full run like an attacker who obtained
// the database, its file or the log: none of them may contain a secret. The tests need the
// build tag chaos.
package outside
