// Package prose checks the project's English: documents, pages, Go comments and Go
// strings do not contain the words and phrases that words.go lists. The style sheet is
// in docs/development.md ("How we write").
package prose
