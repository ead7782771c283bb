package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker; see buildVersion.
var version string

type versionCmd struct{}

// Run prints version and toolchain.
func (versionCmd) Run(std streams) error {
	_, err := fmt.Fprintf(std.out, "mcpkeep %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// buildVersion is what the linker was told, or else what go install recorded.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
