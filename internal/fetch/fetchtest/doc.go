// Package fetchtest is a site on the internet that publishes documents, such as
// client ID metadata documents and key sets: a real TLS server on loopback with a
// certificate of its own authority, which tests can break in many ways.
package fetchtest
