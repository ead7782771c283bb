// Package keyring seals and opens values with Fernet keys. It names keys by ids
// that tell nothing about them, binds our own values to the place they belong
// to, speaks the bare format for rows shared with Python programs, and keeps
// keys in files. It knows no database and no OAuth.
package keyring
