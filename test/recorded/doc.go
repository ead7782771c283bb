// Package recorded sends the program what real clients send, as recorded or documented,
// and holds each answer against the right one. A client is a file of testdata; its first
// lines say where the requests come from, and README.md there explains the format.
package recorded
