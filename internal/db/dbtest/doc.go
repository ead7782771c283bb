// Package dbtest gives tests databases of both engines, migrated or empty,
// each test its own, and lets a test run several operating system processes on
// one database.
package dbtest
