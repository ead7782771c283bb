package console_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// exported is a line of an export.
type exported struct {
	Number  int64  `json:"number"`
	EventID string `json:"event_id"`
	Type    string `json:"type"`
	Detail  string `json:"detail"`
}

// export runs a command, whose output is objects, one per line.
func (o *fixture) export(w console.Watch) (list []exported) {
	o.Helper()
	w.Format = console.FormatJSONL
	for line := range strings.Lines(o.run(o.events(w))) {
		var e exported
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			o.Fatalf("%q: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}

// details are those of the events that were exported.
func details(list []exported) (all []string) {
	for _, e := range list {
		all = append(all, e.Detail)
	}
	return all
}

// TestExport: events in the order in which they were committed, from where the last run ended,
// by the ID or the number of its last line.
func TestExport(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		only := console.Watch{Type: storage.EventTokensIssued}
		o.lateEvent("a", -time.Minute)
		o.lateEvent("b", 0)
		first := o.export(only)
		if got := details(first); !slices.Equal(got, []string{"a", "b"}) || first[0].Number >= first[1].Number {
			t.Fatalf("first run: %+v", first)
		}
		o.lateEvent("committed late", -time.Hour)
		o.lateEvent("c", time.Minute)
		after := []string{first[1].EventID, fmt.Sprint(first[1].Number)}
		for _, event := range after {
			w := only
			w.After = event
			if got := details(o.export(w)); !slices.Equal(got, []string{"committed late", "c"}) {
				t.Errorf("after %s: %q", event, got)
			}
			w.Limit = 1
			if got := details(o.export(w)); !slices.Equal(got, []string{"committed late"}) {
				t.Errorf("the first after %s: %q", event, got)
			}
		}
		dbtest.Exec(t, dbtest.SQL(t, o.url), "DELETE FROM mcpkeep_events WHERE id = $1", first[1].EventID)
		if got := details(o.export(console.Watch{After: after[1], Type: storage.EventTokensIssued})); len(got) != 2 {
			t.Errorf("after the number of a deleted event: %q", got)
		}
		if got := o.run(o.events(console.Watch{After: after[1], Type: storage.EventTokensIssued})); strings.Count(got, "\n") != 2 {
			t.Errorf("as lines: %q", got)
		}
	})
}

// TestExportFromNowhere: an event that is not there to begin after is an error before
// anything is printed, or numbered.
func TestExportFromNowhere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		o.lateEvent("a", 0)
		for _, format := range []console.Format{console.FormatJSONL, console.FormatCSV} {
			for _, event := range []string{storage.FirstEventID(start), "5", "99999999999999999999", "-1", "+0", "x", "ev_", "usr_1"} {
				o.out.Reset()
				err := o.console.Events(t.Context(), console.Watch{Format: format, After: event})
				var missing *console.NoEventError
				if !errors.As(err, &missing) || o.out.Len() > 0 {
					t.Errorf("after %s: %v, and %q", event, err, o.out.String())
				}
			}
		}
		if n := dbtest.Value[int64](t, dbtest.SQL(t, o.url), "SELECT COUNT(*) FROM mcpkeep_events WHERE number IS NOT NULL"); n > 0 {
			t.Errorf("%d events have a number", n)
		}
	})
}

// TestExportFilters: a filter changes no number, and is that of a listing.
func TestExportFilters(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		furnish(o)
		o.refuse(carol, 1)
		o.console.Now = func() time.Time { return start.Add(time.Hour) }
		numbers := map[string]int64{}
		for _, e := range o.export(console.Watch{}) {
			numbers[e.EventID] = e.Number
		}
		for _, w := range []console.Watch{
			{Type: storage.EventGrantCreated}, {User: "alice"}, {Client: "c_desk"}, {Grant: "gr_1"}, {User: "bob", Client: "c_desk"}, {User: "carol"}, {User: "carol", Type: storage.EventSignInRefused},
			{Since: console.Ago(time.Hour)}, {Since: console.Ago(30 * time.Minute)}, {Until: console.At(start)}, {Until: console.Ago(time.Hour - time.Second)},
		} {
			listing := strings.Count(o.run(o.events(w)), "\n")
			got := o.export(w)
			if len(got) != listing {
				t.Errorf("%+v: %d exported, %d listed", w, len(got), listing)
			}
			for _, e := range got {
				if numbers[e.EventID] != e.Number {
					t.Errorf("%+v: number %d of %s, want %d", w, e.Number, e.EventID, numbers[e.EventID])
				}
			}
		}
	})
}

// TestExportCSV: a header, and one line for each event whatever its texts are.
func TestExportCSV(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	const odd = "=1+1, \"quoted\"\r\nnext\x00\u2028 助手"
	o.ok(o.store.RecordEvent(t.Context(), storage.Event{Type: storage.EventUserDisabled, UserID: "usr_1", Detail: odd}, start))
	got := o.run(o.events(console.Watch{Format: console.FormatCSV, Type: storage.EventUserDisabled}))
	rows, err := csv.NewReader(strings.NewReader(got)).ReadAll()
	if err != nil || len(rows) != 2 || strings.Count(got, "\n") != 2 {
		t.Fatalf("%q: %v", got, err)
	}
	row := map[string]string{}
	for i, column := range rows[0] {
		row[column] = rows[1][i]
	}
	if row["detail"] != `=1+1, "quoted"\u000d\u000anext\u0000\u2028 助手` || row["user_id"] != "usr_1" || row["type"] != "user_disabled" ||
		row["at"] != "2026-11-25T12:00:00Z" || row["number"] == "" || !strings.HasPrefix(row["event_id"], storage.EventIDPrefix) {
		t.Errorf("%q", row)
	}
	if got := o.run(o.events(console.Watch{Format: console.FormatCSV, Type: storage.EventCodeReuse})); got != strings.Join(rows[0], ",")+"\n" {
		t.Errorf("no events: %q", got)
	}
}

// TestExportObjects: the object of a listing, and the number.
func TestExportObjects(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	furnish(o)
	var exported map[string]any
	line := o.run(o.events(console.Watch{Format: console.FormatJSONL, Limit: 1}))
	if err := json.Unmarshal([]byte(line), &exported); err != nil {
		t.Fatal(err)
	}
	if exported["number"] != float64(1) {
		t.Errorf("number %v, want 1", exported["number"])
	}
	delete(exported, "number")
	o.console.JSON = true
	var listed []map[string]any
	if err := json.Unmarshal([]byte(o.run(o.events(console.Watch{}))), &listed); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(listed[0]) != fmt.Sprint(exported) {
		t.Errorf("exported %v, listed %v", exported, listed[0])
	}
}

// full is a writer that takes some bytes.
type full struct{ left int }

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	n := min(f.left, len(b))
	f.left -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

// TestExportInterrupted: what can't be written ends the export with an error.
func TestExportInterrupted(t *testing.T) {
	t.Parallel()
	o := open(t, dbtest.SQLite())
	furnish(o)
	for _, format := range []console.Format{console.FormatJSONL, console.FormatCSV} {
		for _, room := range []int{0, 100} {
			o.console.Out = &full{left: room}
			if err := o.console.Events(t.Context(), console.Watch{Format: format}); !errors.Is(err, errFull) {
				t.Errorf("%s with room for %d bytes: %v", format, room, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.console.Events(ctx, console.Watch{Format: console.FormatJSONL}); err == nil {
		t.Error("canceled, without an error")
	}
}
