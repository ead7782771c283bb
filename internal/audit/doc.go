// Package audit notes calls of tools for the audit trail. What is called does not wait: calls
// are kept in a bounded queue and written each second. It also writes the events of the trail
// as log lines.
package audit
