package main

import (
	"fmt"
	"io"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
)

// Intervals of progress reports: on a terminal, in a log, and for a program.
const (
	watchedEvery = 100 * time.Millisecond
	loggedEvery  = 3 * time.Second
	readEvery    = time.Second
)

// progress reports the progress of a long operation: on a terminal in one line that
// changes, elsewhere as occasional lines.
type progress struct {
	std      streams
	terminal bool
	every    time.Duration
	last     time.Time
	shown    bool
	width    func(io.Writer) int // of the terminal, 0 if unknown
}

// newProgress returns a progress on standard error, apart from results.
func newProgress(std streams) *progress {
	p := &progress{std: std, terminal: isTerminal(std.err), every: loggedEvery, last: time.Now(), width: widthOf}
	if p.terminal {
		p.every = watchedEvery
	}
	return p
}

// due reports whether it is time for a report.
func (p *progress) due() bool {
	if time.Since(p.last) < p.every {
		return false
	}
	p.last = time.Now()
	return true
}

// report prints a line if one is due.
func (p *progress) report(format string, args ...any) {
	if p.due() {
		p.line(format, args...)
	}
}

// line prints a line of progress.
func (p *progress) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !p.terminal {
		_, _ = fmt.Fprintln(p.std.err, text)
		return
	}
	_, _ = fmt.Fprintf(p.std.err, "\r\x1b[K%s", fit(text, p.width(p.std.err)))
	p.shown = true
}

// fit cuts a line to the current width of the terminal: only the last part of a wrapped
// line would be cleared.
func fit(line string, width int) string {
	if width <= 0 {
		return line
	}
	return console.CutCells(line, max(width-1, 1))
}

// end clears the line.
func (p *progress) end() {
	if p.shown {
		_, _ = fmt.Fprint(p.std.err, "\r\x1b[K")
		p.shown = false
	}
}

// share returns a part of a whole in percent.
func share(done, total int64) int64 {
	if total == 0 {
		return 100
	}
	return done * 100 / total
}
