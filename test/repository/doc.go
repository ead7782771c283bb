// Package repository checks what surrounds the code: what the Go modules require, what
// continuous integration runs, and what documents say about packages and functions. It
// writes the diagram of imports in docs/development.md.
package repository
