// Package storagetest is the contract of storage.Store as a suite of tests that
// every implementation runs: each promise of the interface's comments is a
// case, the races and the hostile callers included.
package storagetest
