package tracing

import (
	"errors"
	"strings"
)

// Names of OpenTelemetry's variables that this package reads itself.
const (
	sdkDisabled    = "OTEL_SDK_DISABLED"
	exporter       = "OTEL_TRACES_EXPORTER"
	endpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
)

// ErrNotBuilt says that spans are asked for, and that this build has none.
var ErrNotBuilt = errors.New("OTEL_ variables ask for spans, which only the image with -otel in its name, or a build with the tag otel, can export")

// wanted reports whether the variables ask for spans: an exporter, or an address for one.
func wanted(getenv func(string) string) bool {
	if strings.EqualFold(getenv(sdkDisabled), "true") {
		return false
	}
	switch getenv(exporter) {
	case "":
		return getenv(endpoint) != "" || getenv(tracesEndpoint) != ""
	case "none":
		return false
	}
	return true
}
