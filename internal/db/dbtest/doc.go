// Package dbtest provides tests with databases of both engines, migrated or empty, one per
// test, and lets a test run several operating system processes on one database.
package dbtest
