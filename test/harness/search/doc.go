// Package search looks for secrets where none may be: in every row of a database, in the bytes
// of its files, and in what processes print.
package search
