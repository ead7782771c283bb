// Package week plays seven days of use in one run: 56 deployments, each a new process with
// another version whose clock is ahead, and clients that must never show a page again. Needs
// the build tag chaos.
package week
