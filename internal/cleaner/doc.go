// Package cleaner periodically runs the store's maintenance, on one replica at a time. A
// lease in the database selects the replica: a lease works through any pooler and expires
// if its holder dies.
package cleaner
