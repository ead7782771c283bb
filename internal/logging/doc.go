// Package logging is what all log lines have in common: the names of their attributes,
// and the reference of the request that a line is about, which it takes from the
// context.
package logging
