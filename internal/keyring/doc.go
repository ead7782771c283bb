// Package keyring seals and opens values with Fernet keys. It knows keys by
// their ids, binds our own values to the place they belong to, and speaks the
// bare format for rows shared with Python programs. It knows no database.
package keyring
