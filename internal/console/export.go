package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// NoEventError is an event that is not there to begin after.
type NoEventError struct{ problem string }

// Error implements error.
func (e *NoEventError) Error() string { return e.problem }

// export prints events in the order of their numbers, which is complete over several runs:
// those that were committed before it began.
func (c *Console) export(ctx context.Context, f watched, w Watch) error {
	after, err := c.position(ctx, w.After)
	if err != nil {
		return err
	}
	until, err := c.numberAll(ctx)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(c.Out)
	out := newEventWriter(buffered, w.format(c.JSON))
	e := exporter{console: c, filter: f, left: w.Limit, all: w.Limit == 0, add: out.add}
	for done := false; !done && err == nil; {
		after, done, err = e.page(ctx, after, until)
		if err == nil {
			err = errors.Join(out.flush(), buffered.Flush())
		}
	}
	if err == nil {
		err = errors.Join(out.end(), buffered.Flush())
	}
	return err
}

// format is how events are printed.
func (w Watch) format(json bool) Format {
	if json {
		return FormatJSON
	}
	return w.Format
}

// position returns the number of the event to begin after. Numbers outlive their events.
func (c *Console) position(ctx context.Context, event string) (int64, error) {
	if event == "" {
		return 0, nil
	}
	if number, err := strconv.ParseInt(event, 10, 64); err == nil && strings.Trim(event, "0123456789") == "" {
		last, err := c.Store.LastEventNumber(ctx)
		if err == nil && number > last {
			err = &NoEventError{fmt.Sprintf("the last event is number %d", last)}
		}
		return number, err
	}
	if _, ok := storage.EventIDTime(event); !ok {
		return 0, &NoEventError{fmt.Sprintf("%q is not the ID or number of an event", event)}
	}
	number, err := c.Store.EventNumber(ctx, event)
	if err == nil && number == 0 {
		if _, err = c.numberAll(ctx); err == nil {
			number, err = c.Store.EventNumber(ctx, event)
		}
	}
	if errors.Is(err, storage.ErrNotFound) {
		err = &NoEventError{fmt.Sprintf("there is no event %s; if it was deleted, its number still works", event)}
	}
	return number, err
}

// numberAll gives each event a number, and returns the last one.
func (c *Console) numberAll(ctx context.Context) (int64, error) {
	all := 0
	err := c.Store.NumberAllEvents(ctx, func(n int) {
		all += n
		c.progress("%d events got a number", all)
	})
	if err != nil {
		return 0, err
	}
	return c.Store.LastEventNumber(ctx)
}

// exporter visits the events that a filter selects.
type exporter struct {
	console *Console
	filter  watched
	all     bool
	left    int // how many more, unless all
	add     func(storage.NumberedEvent) error
}

// page visits the events of a page, and returns where the next one begins.
func (e *exporter) page(ctx context.Context, after, until int64) (next int64, done bool, err error) {
	events, err := e.console.numbered(ctx, after, until)
	if err != nil {
		return after, false, err
	}
	for _, event := range events {
		after = event.Number
		if !e.filter.selects(event.Event) {
			continue
		}
		if err := e.add(event); err != nil {
			return after, false, err
		}
		if e.left--; e.left == 0 && !e.all {
			return after, true, nil
		}
	}
	return after, len(events) < pageSize, nil
}

// numbered returns a page of events, with the accounts that were refused.
func (c *Console) numbered(ctx context.Context, after, until int64) ([]storage.NumberedEvent, error) {
	list, err := c.Store.EventsByNumber(ctx, after, until, pageSize)
	if err != nil {
		return nil, err
	}
	events := make([]storage.Event, len(list))
	for i, e := range list {
		events[i] = e.Event
	}
	err = c.Store.DescribeRefused(ctx, events)
	for i, e := range events {
		list[i].Event = e
	}
	return list, err
}

// selects reports whether an event belongs to what is watched.
func (t watched) selects(e storage.Event) bool {
	if !t.refusedOnly && t.Selects(e) {
		return true
	}
	anyone := t.EventFilter
	anyone.UserID = ""
	return t.called != "" && e.Type == storage.EventSignInRefused && isCalled(e.Account, t.called) && anyone.Selects(e)
}
