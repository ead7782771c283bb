package console_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// writers commit events while others read them: each of them commits every third event as
// late as it can, so that its ID is older than those of others that were read before.
type writers struct {
	*fixture

	stop chan struct{}
	work sync.WaitGroup
	mu   sync.Mutex
	made []string // details of those that were committed
}

func (o *fixture) write(n int) *writers {
	w := &writers{fixture: o, stop: make(chan struct{})}
	for i := range n {
		w.work.Go(func() { w.run(i) })
		if o.postgres {
			w.work.Go(func() { w.holdOpen(fmt.Sprint("held open ", i)) })
		}
	}
	return w
}

func (w *writers) run(writer int) {
	var late []storage.Event
	for i := 0; ; i++ {
		detail := fmt.Sprintf("%d/%d", writer, i)
		event := storage.Event{
			ID: storage.NewOrderedID(storage.EventIDPrefix, time.Now()), Type: storage.EventToolCalled, Actor: "usr_1", Detail: detail, At: time.Now(),
		}
		select {
		case <-w.stop:
			w.commit(append(late, event))
			return
		default:
		}
		time.Sleep(2 * time.Millisecond) // some thousand events, not as many as there can be
		if late = append(late, event); i%3 > 0 {
			w.commit(late[len(late)-1:])
			late = late[:len(late)-1]
		}
	}
}

func (w *writers) commit(events []storage.Event) {
	if err := w.store.RecordCalls(w.Context(), events); err != nil {
		w.Error(err)
	}
	w.note(events...)
}

func (w *writers) note(events ...storage.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		w.made = append(w.made, e.Detail)
	}
}

// holdOpen keeps a transaction open until the end: on SQLite no one could write then.
func (w *writers) holdOpen(detail string) {
	tx, err := dbtest.SQL(w, w.url).BeginTx(w.Context(), nil)
	if err == nil {
		_, err = tx.Exec("INSERT INTO mcpkeep_events (id, type, actor, detail, created_at) VALUES ($1, 'tool_called', 'server', $2, 1)",
			storage.NewOrderedID(storage.EventIDPrefix, time.Now()), detail)
	}
	<-w.stop
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		w.Error(err)
	}
	w.note(storage.Event{Detail: detail})
}

// end has them commit what they have kept.
func (w *writers) end() []string {
	close(w.stop)
	w.work.Wait()
	return w.made
}

// fill stores n events.
func (o *fixture) fill(n int) {
	dbtest.Exec(o.T, dbtest.SQL(o.T, o.url), fmt.Sprintf("INSERT INTO mcpkeep_events (id, type, actor, detail, created_at) "+
		"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d) "+
		"SELECT '%s' || CAST(100000000 + n AS TEXT), 'tool_called', 'usr_1', 'before ' || CAST(n AS TEXT), 1 FROM numbers",
		n, storage.FirstEventID(start)[:len("ev_00000000-0000-7000-8000-")]))
}

// TestExportWhileOthersWrite: an export in two runs while many write, and a third one after
// them: none is missing, none comes twice. MCPKEEP_TEST_EVENTS is how many there are before.
func TestExportWhileOthersWrite(t *testing.T) {
	t.Parallel()
	n, _ := strconv.Atoi(os.Getenv("MCPKEEP_TEST_EVENTS"))
	if n == 0 {
		n = 5000
	}
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		o := open(t, e)
		o.postgres = e.Name == "postgres"
		o.fill(n)
		w := o.write(4)
		exported, last := map[string]int{}, ""
		run := func() (lines int) {
			for _, e := range o.export(console.Watch{After: last, Type: storage.EventToolCalled}) {
				exported[e.Detail]++
				last = e.EventID
				lines++
			}
			return lines
		}
		first := run()
		second := run()
		committed := w.end()
		third := run()
		t.Logf("%d, %d and %d events in three runs, %d of them written meanwhile", first, second, third, len(committed))
		if first < n || third == 0 {
			t.Errorf("%d and at the end %d events, want at least %d and one", first, third, n)
		}
		for i := range n {
			committed = append(committed, fmt.Sprint("before ", i+1))
		}
		for _, detail := range committed {
			if exported[detail] != 1 {
				t.Errorf("%s was exported %d times", detail, exported[detail])
			}
		}
		if len(exported) != len(committed) {
			t.Errorf("%d events were exported, %d committed", len(exported), len(committed))
		}
	})
}
