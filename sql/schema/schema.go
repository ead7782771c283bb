// Package schema holds mcpkeep's database migrations: goose files in portable
// SQL, applied to PostgreSQL and to SQLite alike and read by sqlc as its schema.
// A released migration is never edited.
package schema

import "embed"

// Migrations holds the goose migrations, one file a version.
//
//go:embed *.sql
var Migrations embed.FS
