// Package schemas validates the results of mcpkeep's tools against the JSON schemas
// that tools/list announces. It has tests only.
package schemas
