// Package keyring encrypts and decrypts values with Fernet keys. It identifies keys by IDs
// that reveal nothing about them, binds mcpkeep's own values to their table, column and row,
// supports the plain format for rows shared with Python programs, and stores keys in files.
// It does not know the database or OAuth.
package keyring
