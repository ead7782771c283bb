// Package console implements the administrator's commands: it lists, finds, asks
// before it ends or deletes anything, and reports what it did. It knows the store by
// its interface, and no flags.
package console
