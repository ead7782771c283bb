// Package storagetest is the contract of storage.Store as a test suite that every
// implementation runs. Each guarantee in the interface's comments is a test case, including
// races and hostile callers.
package storagetest
