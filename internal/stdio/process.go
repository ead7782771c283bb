package stdio

import (
	"context"
	"io"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// Process is a running MCP server.
type Process struct {
	Stdin  io.WriteCloser
	Stdout io.ReadCloser
	Done   <-chan struct{} // closed when it has ended
	Gone   <-chan struct{} // closed when nothing of it is left
	Stop   func()          // has it end; it returns without waiting
	Kill   func()          // likewise, immediately
}

// Launch starts a process. The principal is whom it works for; the zero value is no one in
// particular. A label names the process in log lines.
type Launch func(ctx context.Context, p principal.Principal, label string) (Process, error)

// Mode says who shares a process.
type Mode string

// The modes.
const (
	PerSession Mode = "session" // a process for each session
	PerPerson  Mode = "person"  // a process for each user and client
	Shared     Mode = "shared"  // a process for everyone
)
