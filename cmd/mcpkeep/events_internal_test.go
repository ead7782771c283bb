package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
)

// TestEventsExport: the first run prints all, the next one what came after its last line.
func TestEventsExport(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	first := command(t, env, "events", "--format", "jsonl")
	lines := strings.Split(strings.TrimSpace(first.out), "\n")
	var last struct {
		EventID string `json:"event_id"`
		Number  int64  `json:"number"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Number != int64(len(lines)) || first.status != exitOK {
		t.Fatalf("%d, %q: %v", first.status, first.out, err)
	}
	if again := command(t, env, "events", "--format", "jsonl", "--after", last.EventID); again.status != exitOK || again.out+again.err != "" {
		t.Errorf("nothing new: %+v", again)
	}
	command(t, env, "users", "disable", "--yes", "owner").wants(t, exitOK)
	command(t, env, "events", "--format", "csv", "--after", last.EventID).wants(t, exitOK, "number,event_id,at,", ",user_disabled,operator")
	for _, format := range []string{"json", "table"} {
		command(t, env, "events", "--format", format, "--since", "2020-01-01T00:00:00Z", "--until", "2100-01-01T00:00:00Z", "--limit", "1").wants(t, exitOK, "user_disabled")
	}
	command(t, env, "events", "--until", "2020-01-01T00:00:00Z").wants(t, exitOK, "No matching events.")
}

// TestEventsBadInput: one line, exit status 2, and nothing is printed.
func TestEventsBadInput(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	for _, tt := range []struct{ args, want string }{
		{"--format jsonl --after ev_00000000-0000-7000-8000-000000000000", "--after: there is no event ev_00000000-0000-7000-8000-000000000000"},
		{"--format csv --after 1000", "--after: the last event is number "},
		{"--format csv --after yesterday", "--after: \"yesterday\" is not the ID or number of an event"},
		{"--after 1000", "--after: the last event is number "},
		{"--format xml", "--format: \"xml\" is not known; want table, json, jsonl or csv"},
		{"--json --format csv", "either --json or --format csv"},
		{"--follow --format jsonl", "--follow"},
		{"--follow --after 1", "--follow"},
		{"--follow --until 1h", "--follow"},
		{"--since yesterday", "--since: \"yesterday\" is neither; want a duration such as 24h, or a time such as 2026-"},
		{"--since -1h", "--since: -1h0m0s is out of range"},
		{"--until 2026-11-25", "--until: \"2026-11-25\" is neither"},
		{"--format jsonl --limit -1", "--limit: -1 is out of range"},
	} {
		got := command(t, env, append([]string{"events"}, strings.Fields(tt.args)...)...)
		if got.status != exitUsage || got.out != "" || strings.Count(got.err, "\n") != 1 || !strings.Contains(got.err, tt.want) {
			t.Errorf("%s: %+v, want %q", tt.args, got, tt.want)
		}
	}
}

// TestEventsToClosedPipe: who reads no further gets an export that fails.
func TestEventsToClosedPipe(t *testing.T) {
	env, _ := deployment(t, dbtest.SQLite())
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	var errs strings.Builder
	if status := commandIn(t.Context(), t, env, streams{in: strings.NewReader(""), out: in, err: &errs}, "events", "--format", "jsonl"); status != exitFailed {
		t.Errorf("status %d, %q", status, errs.String())
	}
}
