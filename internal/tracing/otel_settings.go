//go:build otel

package tracing

import (
	"cmp"
	"fmt"
)

// supported refuses what this build cannot do, rather than to export nothing.
func supported(getenv func(string) string) error {
	if by := getenv(exporter); by != "" && by != "otlp" {
		return fmt.Errorf("%s: %q is not supported; want otlp or none", exporter, by)
	}
	if by := cmp.Or(getenv(tracesProtocol), getenv(protocol)); by != "" && by != "http/protobuf" {
		return fmt.Errorf("%s: %q is not supported; want http/protobuf", protocol, by)
	}
	return nil
}
