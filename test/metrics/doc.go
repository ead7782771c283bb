// Package metrics holds what `serve` exposes to Prometheus against what its clients did, and the
// alarms and the dashboard against what it exposes.
package metrics
