// Package app assembles mcpkeep: it checks the settings, opens the database and the keys,
// and runs the background work. The package at the module's root is its public API; the
// command line passes what only a standalone program needs as a Host.
package app
