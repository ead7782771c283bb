package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// version is set by the linker; see buildVersion.
var version string

type versionCmd struct{}

// Run prints the version and the toolchain.
func (versionCmd) Run(std streams) error { return printVersion(std.out) }

// versionFlag is --version, which every program is asked for.
type versionFlag bool

// BeforeReset prints the version, whatever else is missing on the command line.
func (versionFlag) BeforeReset(app *kong.Kong, std streams) error {
	err := printVersion(std.out)
	app.Exit(exitOK)
	return err
}

func printVersion(w io.Writer) error {
	_, err := fmt.Fprintf(w, "mcpkeep %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// buildVersion returns what the linker was told, or else what the build recorded.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, _ := debug.ReadBuildInfo()
	return recordedVersion(info)
}

const (
	unknownVersion = "(devel)"
	// shortRevision is how many characters of a commit are shown.
	shortRevision = 12
)

// recordedVersion returns the version of the module, as `go install …@v0.1.0` and a
// build of a tagged commit record it, or else the commit.
func recordedVersion(info *debug.BuildInfo) string {
	if info == nil {
		return unknownVersion
	}
	if v := info.Main.Version; v != "" && v != unknownVersion {
		return v
	}
	var revision, suffix string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), shortRevision)]
		case s.Key == "vcs.modified" && s.Value == "true":
			suffix = "+dirty"
		}
	}
	if revision == "" {
		return unknownVersion
	}
	return revision + suffix
}
