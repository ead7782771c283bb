//go:build unix && !linux

package pgtest

// memoryDir is a folder in memory with room for a cluster: none on these systems.
func memoryDir() string { return "" }
