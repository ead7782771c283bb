package main

import (
	"fmt"
	"io"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/operator"
)

// How often something long says how far it is: to a person who watches, to a log,
// and to a program.
const (
	watchedEvery = 100 * time.Millisecond
	loggedEvery  = 3 * time.Second
	readEvery    = time.Second
)

// progress tells how far something long is: on a terminal in one line that
// changes, elsewhere in a line now and then.
type progress struct {
	std      streams
	terminal bool
	every    time.Duration
	told     time.Time
	shown    bool
	width    func(io.Writer) int // of the terminal, 0 when that is not known
}

// newProgress returns a progress on standard error, where nobody takes it for a
// result.
func newProgress(std streams) *progress {
	p := &progress{std: std, terminal: isTerminal(std.err), every: loggedEvery, told: time.Now(), width: widthOf}
	if p.terminal {
		p.every = watchedEvery
	}
	return p
}

// due says whether it is time to tell.
func (p *progress) due() bool {
	if time.Since(p.told) < p.every {
		return false
	}
	p.told = time.Now()
	return true
}

// tell is line when it is due.
func (p *progress) tell(format string, args ...any) {
	if p.due() {
		p.line(format, args...)
	}
}

// line tells how far it is.
func (p *progress) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !p.terminal {
		_, _ = fmt.Fprintln(p.std.err, text)
		return
	}
	_, _ = fmt.Fprintf(p.std.err, "\r\x1b[K%s", fit(text, p.width(p.std.err)))
	p.shown = true
}

// fit cuts a line to a terminal that may have changed its size since: of one that is
// wrapped only the last piece would be cleared.
func fit(line string, width int) string {
	if width <= 0 {
		return line
	}
	return operator.CutCells(line, max(width-1, 1))
}

// end clears the line for what comes next.
func (p *progress) end() {
	if p.shown {
		_, _ = fmt.Fprint(p.std.err, "\r\x1b[K")
		p.shown = false
	}
}

// share is a part of a whole in percent.
func share(done, total int64) int64 {
	if total == 0 {
		return 100
	}
	return done * 100 / total
}
