package stdio

import (
	"context"
	"errors"

	"github.com/mcpkeep/mcpkeep/internal/display"
)

const (
	// maxShown is how many lines that mean nothing are logged for each process; all are counted.
	maxShown = 20
	// longestShown bounds such a line in the log.
	longestShown = 500
)

// skip notes a line that means nothing. A message that no one waits for is not shown: it may be
// the result of a call that was canceled.
func (c *conn) skip(line []byte, err error) {
	c.mu.Lock()
	c.skipped++
	n := c.skipped
	c.mu.Unlock()
	if n > maxShown {
		return
	}
	shown := ""
	if !errors.Is(err, errUnasked) {
		shown = display.Line(string(line), longestShown)
	}
	c.up.Logger.WarnContext(context.Background(), "the server wrote a line that means nothing", "upstream", c.up.Name, "session", c.label, "line", shown, "error", err)
}

// countSkipped says how many lines meant nothing, when some of them were not logged.
func (c *conn) countSkipped() {
	c.mu.Lock()
	n := c.skipped
	c.mu.Unlock()
	if n > maxShown {
		c.up.Logger.WarnContext(context.Background(), "the server wrote lines that mean nothing", "upstream", c.up.Name, "session", c.label, "lines", n)
	}
}
