// Package harness runs the real program for black-box tests: it builds the
// binary once, starts, kills and restarts processes of it on loopback, walks
// through its pages as a person with a browser does, and has an OAuth client
// that tells what each answer was.
package harness
