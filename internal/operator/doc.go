// Package operator is what an operator sees and mends at the command line: it
// lists, finds, asks before it ends anything, and says what it did. It knows the
// store by its interface only, and no flags.
package operator
