package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type eventsCmd struct {
	keyFlags
	jsonFlag
	whoFlags
	Type   string `name:"type" placeholder:"TYPE" help:"Only events of this type, such as grant_revoked."`
	Grant  string `name:"grant" placeholder:"ID" help:"Only events of this grant."`
	Since  string `name:"since" placeholder:"TIME" help:"Only events at or after this time, such as 2026-11-25T09:00:00Z, or of this period, such as 24h. Default: all."`
	Until  string `name:"until" placeholder:"TIME" help:"Only events before this time, or before as long ago."`
	After  string `name:"after" placeholder:"EVENT" help:"Only events committed after the one with this ID or number, in that order: with jsonl or csv, the last one of the run before."`
	Format string `name:"format" enum:",table,json,jsonl,csv" default:"" placeholder:"FORMAT" help:"table, json, jsonl or csv. The last two print all events with their numbers, in the order in which they were committed. Default table."`
	Limit  *int   `name:"limit" placeholder:"N" help:"Only the newest N; with jsonl, csv or --after the first N; 0 prints all. Default 100, or all of those."`
	Follow bool   `name:"follow" short:"f" help:"Keep printing new events. With --json, one object per line."`
}

// defaultEvents is how many events are printed.
const defaultEvents = 100

// Help lists the types.
func (*eventsCmd) Help() string {
	return "Encryption keys are only needed to find a user by name, and to say which account a sign_in_refused event is about. Types: " + strings.Join(eventTypes(), ", ") + "."
}

func eventTypes() []string {
	var names []string
	for _, t := range storage.EventTypes() {
		names = append(names, string(t))
	}
	return names
}

// Run shows the audit trail.
func (c *eventsCmd) Run(ctx context.Context, std streams) error {
	w, err := c.watch()
	if err != nil {
		return err
	}
	byName := c.User != "" && !console.IsUserID(c.User)
	json := c.JSON || w.Format == console.FormatJSON
	err = c.openConsole(ctx, std, json, yesFlag{}, byName, func(ctx context.Context, admin adminConsole) error {
		return admin.Events(ctx, w)
	})
	var missing *console.NoEventError
	if errors.As(err, &missing) {
		return badFlag("--after", "the ID or number of an event that was printed", "%v", missing)
	}
	return err
}

// watch is what the flags select.
func (c *eventsCmd) watch() (w console.Watch, err error) {
	w = console.Watch{
		Type: storage.EventType(c.Type), User: c.User, Client: c.Client, Grant: c.Grant,
		After: c.After, Format: console.Format(c.Format), Limit: c.limit(), Follow: c.Follow,
	}
	switch {
	case c.Type != "" && !slices.Contains(eventTypes(), c.Type):
		return w, badFlag("--type", "one of "+strings.Join(eventTypes(), ", "), "%q is not known", c.Type)
	case w.Limit < 0:
		return w, badFlag("--limit", "0 (all) or more", "%d is out of range", w.Limit)
	case c.JSON && c.Format != "" && w.Format != console.FormatJSON:
		return w, usagef("specify either --json or --format %s", c.Format)
	case c.Follow && (c.byNumber() || c.Until != ""):
		return w, usagef("--follow prints new events, as lines or with --json: not together with --after, --until, or --format jsonl or csv")
	}
	if w.Since, err = console.ParseMoment(c.Since); err != nil {
		return w, badFlag("--since", console.WantMoment, "%v", err)
	}
	if w.Until, err = console.ParseMoment(c.Until); err != nil {
		return w, badFlag("--until", console.WantMoment, "%v", err)
	}
	return w, nil
}

// byNumber reports whether events are printed in the order of their numbers.
func (c *eventsCmd) byNumber() bool {
	format := console.Format(c.Format)
	return c.After != "" || format == console.FormatJSONL || format == console.FormatCSV
}

func (c *eventsCmd) limit() int {
	switch {
	case c.Limit != nil:
		return *c.Limit
	case c.byNumber():
		return 0
	}
	return defaultEvents
}
