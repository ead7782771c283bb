package db

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// logged is an SQLite file whose log the test looks at.
type logged struct {
	*testing.T
	e *sqliteEngine
}

func newLogged(t *testing.T) logged {
	t.Helper()
	e, err := openSQLite(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	l := logged{t, e}
	t.Cleanup(func() { l.ok(e.close()) })
	l.exec("CREATE TABLE rows (value BLOB)")
	return l
}

func (l logged) ok(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// exec is a transaction of the one connection that writes.
func (l logged) exec(query string) {
	l.Helper()
	_, err := l.e.write.ExecContext(l.Context(), query)
	l.ok(err)
}

// grow writes so many pages.
func (l logged) grow(pages int) {
	l.Helper()
	for ; pages > 0; pages -= 500 {
		l.exec("INSERT INTO rows VALUES (randomblob(500 * 4096))")
	}
}

func (l logged) state() walState {
	l.Helper()
	s, err := l.e.log.checkpoint(l.Context(), "NOOP")
	l.ok(err)
	return s
}

// pin begins a long read.
func (l logged) pin() (release func()) {
	l.Helper()
	tx, err := l.e.read.BeginTx(l.Context(), &sql.TxOptions{ReadOnly: true})
	l.ok(err)
	var n int
	l.ok(tx.QueryRowContext(l.Context(), "SELECT COUNT(*) FROM rows").Scan(&n))
	return func() { l.ok(tx.Rollback()) }
}

// TestNoWriteCheckpoints: however long the log has grown during a long read, no write copies
// it into the file, and none waits for who does.
func TestNoWriteCheckpoints(t *testing.T) {
	t.Parallel()
	l := newLogged(t)
	release := l.pin()
	l.grow(10 * checkpointPages)
	release()
	l.e.log.step.Lock() // as long as a checkpoint takes
	grown := l.state()
	if grown.left() < 9*checkpointPages {
		t.Fatalf("the log has %+v after a long read", grown)
	}
	l.exec("INSERT INTO rows VALUES ('more')")
	if after := l.state(); after.copied != grown.copied || after.pages <= grown.pages {
		t.Errorf("a write made %+v of %+v: it copied pages", after, grown)
	}
	l.e.log.step.Unlock()
	if _, after, err := l.e.log.work(t.Context()); err != nil || after.left() != 0 {
		t.Errorf("a checkpoint left %+v, %v", after, err)
	}
	l.exec("INSERT INTO rows VALUES ('more')")
	if after := l.state(); after.pages > checkpointPages {
		t.Errorf("after the checkpoint the log did not start over: %+v", after)
	}
	info, err := os.Stat(l.e.path + "-wal")
	if err != nil || info.Size() > logLimit {
		t.Errorf("the log's file did not shrink: %v, %v", info, err)
	}
}

// TestPinnedLog: a checkpoint during a long read is harmless, and is made up for by itself
// once that ends, without another write.
func TestPinnedLog(t *testing.T) {
	t.Parallel()
	l := newLogged(t)
	release := l.pin()
	l.grow(3 * checkpointPages)
	l.e.log.written()
	time.Sleep(2 * checkpointRest)
	if s := l.state(); s.left() < 2*checkpointPages {
		t.Errorf("%+v while it is read", s)
	}
	release()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for l.state().left() >= checkpointPages && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if s := l.state(); s.left() >= checkpointPages {
		t.Errorf("%+v is left after the read", s)
	}
}

// TestLogIsBounded: with writes one after another and the checkpoints between them, the log
// starts over again and again.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	l := newLogged(t)
	var largest int64
	for range 30 {
		l.grow(checkpointPages)
		if _, _, err := l.e.log.work(t.Context()); err != nil {
			t.Fatal(err)
		}
		largest = max(largest, l.state().pages)
	}
	if largest > restartPages+2*checkpointPages {
		t.Errorf("the log grew to %d pages", largest)
	}
}
