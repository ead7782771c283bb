// Package requirements compares mcpkeep's requirements (requirements.tsv) with the tests
// that cover them and generates docs/requirements.md. A requirement with neither a test nor
// a reason fails the tests.
package requirements
