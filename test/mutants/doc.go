// Package mutants takes security conditions out of the code, one at a time, and demands that
// the linked test notices. It needs the build tag mutants.
//
// The lists in the folder conditions have a block of lines for each condition:
//
//	name WHAT HOLDS
//	file PATH
//	- THE EXACT TEXT, a line each, which the file has once
//	+ WHAT STANDS THERE WITHOUT THE CONDITION
//	test FOLDER REGULAR-EXPRESSION
//	tags BUILD-TAGS, if the test needs any
//
// Nothing on disk changes. The go command is given other files in place of those
// (-overlay): each function has its changed copies at the beginning, and a variable of the
// environment says which of them runs, so that one test program serves all conditions whose
// tests are in its folder. What is changed outside of functions gets a program of its own.
//
// A test notices by failing. One that does not compile, does not end or takes its program down
// proves nothing: the run calls it broken, and fails as it does for one that passes.
//
// claims.txt has the threats and attacks whose tests no condition names, with reasons.
package mutants
