// Package week plays seven days of use in one run: 56 deployments of the program, each a new
// process with another version whose clock is ahead, people who sign in at a provider, and
// clients that must never show a page again. Needs the build tag chaos.
package week
