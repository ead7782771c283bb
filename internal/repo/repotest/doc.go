// Package repotest creates stores for tests, with keys on record, signed-in clients and a
// value in every encrypted column.
package repotest
