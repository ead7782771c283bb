// Package upgrade checks that a database of an earlier release works with the present
// program: clients stay signed in, and released migrations have not changed.
// releases.txt names the releases. Needs the build tag upgrade and the history in git.
package upgrade
