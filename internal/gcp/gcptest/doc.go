// Package gcptest has a metadata server and a Secret Manager for tests, written from
// Google's published references. They refuse what the real ones refuse.
package gcptest
