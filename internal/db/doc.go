// Package db opens a PostgreSQL or SQLite database, migrates its schema and runs the
// generated queries. It exposes one set of row types (those of sqlitedb) and one Querier,
// so other packages do not depend on the engine.
package db

//go:generate go run ./adaptergen -in pgdb/querier.go -out postgres_querier.go
