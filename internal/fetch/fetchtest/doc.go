// Package fetchtest simulates a website that publishes documents, such as client ID metadata
// documents and key sets: a real TLS server on loopback with its own certificate authority,
// in which tests can inject faults.
package fetchtest
