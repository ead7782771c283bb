// Package metrics counts what the program does and writes it in Prometheus's text format.
// Counting is a map read and an atomic addition or a short lock, so that hot paths may do it.
// A nil *Metrics counts nothing: callers need no condition.
//
// No label has a value that a stranger chooses. Each set of values is fixed, but for the names
// of upstreams, which the configuration has, and of tools, which are bounded: see Call.
package metrics
