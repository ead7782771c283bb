//go:build !linux && !darwin

package process

import "errors"

// Start fails: other systems have no process groups that end as a whole.
func Start(Command) (*Process, error) {
	return nil, errors.New("MCP servers that speak stdio need Linux or macOS")
}
