//go:build !linux && !darwin

package process

import "errors"

var errSystem = errors.New("MCP servers that speak stdio need Linux or macOS")

// Check fails: see Start.
func Check(Command) error { return errSystem }

// Start fails: other systems have no process groups that end as a whole.
func Start(Command) (*Process, error) {
	return nil, errSystem
}
