// Package traces runs the build of the program that exports spans, and receives them. It needs
// the build tag otel; MCPKEEP_TEST_OTEL is the path of a program that is built already.
package traces
