package harness

import (
	"bytes"
	"encoding/json"
	"sync"
)

// Log collects what processes print. It may be written and read concurrently.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns everything.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Tail returns the last bytes.
func (l *Log) Tail(most int) string {
	s := l.String()
	return s[max(0, len(s)-most):]
}

// Entry is one line of the JSON log.
type Entry map[string]any

// Entries returns the lines that are JSON objects.
func (l *Log) Entries() []Entry {
	var entries []Entry
	for line := range bytes.Lines([]byte(l.String())) {
		var e Entry
		if json.Unmarshal(line, &e) == nil {
			entries = append(entries, e)
		}
	}
	return entries
}

// Events counts the entries with an event.
func (l *Log) Events(event string) int {
	n := 0
	for _, e := range l.Entries() {
		if e["event"] == event {
			n++
		}
	}
	return n
}

// Statuses counts the answered requests by HTTP status.
func (l *Log) Statuses() map[int]int {
	counts := map[int]int{}
	for _, e := range l.Entries() {
		if status, ok := e["status"].(float64); ok && e["message"] == "request" {
			counts[int(status)]++
		}
	}
	return counts
}
