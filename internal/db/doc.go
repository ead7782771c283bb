// Package db opens a PostgreSQL or SQLite database, brings its schema up to
// date and runs the generated queries. Above it there is one set of row types
// (those of sqlitedb) and one Querier; which engine is underneath is known here
// alone.
package db

//go:generate go run ./adaptergen -in pgdb/querier.go -out postgres_querier.go
