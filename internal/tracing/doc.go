// Package tracing continues the trace that a request names (W3C Trace Context) in what is
// sent because of it. In a build with the tag otel, it also exports spans by OpenTelemetry,
// if the variables of OpenTelemetry say where to: of each request, of each step at the
// database, and of each request to the provider and to upstreams.
//
// A span has a name from a short list, a status and a duration. It has no value of a query, no
// header and nothing of a person.
package tracing
