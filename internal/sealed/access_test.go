package sealed_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mcpkeep/mcpkeep/internal/db"
	"github.com/mcpkeep/mcpkeep/internal/db/dbtest"
	"github.com/mcpkeep/mcpkeep/internal/keyring"
	"github.com/mcpkeep/mcpkeep/internal/sealed"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// TestOverloadIsNoOutage: guarantee 4. An access check waits for no other work: not for a
// pool that has none left, and not for a writer.
func TestOverloadIsNoOutage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		d := e.Open(t)
		store := sealed.New(d, &keyring.Keyring{})
		release := make(chan struct{})
		var all sync.WaitGroup
		const others = 40 // above the size of every pool
		for range others {
			all.Go(func() {
				_ = d.InTx(context.WithoutCancel(t.Context()), func(db.Querier) error { <-release; return nil })
			})
		}
		defer all.Wait()
		defer close(release)
		time.Sleep(500 * time.Millisecond)
		began := time.Now()
		if err := store.ReadAccess(t.Context(), "check", readOne); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("an access check under load: %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		shared, cancel := context.WithTimeout(storage.WithSharedConnections(t.Context()), time.Second/2)
		defer cancel()
		if err := store.ReadAccess(shared, "check", readOne); e.Name == "postgres" && !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("on shared connections: %v", err)
		}
	})
}

func readOne(ctx context.Context, q db.Querier) error {
	_, err := q.GetUser(ctx, "us_unknown")
	return err
}

// TestSharedPool: without connections of their own, access checks that wait for others are
// told so as long as others succeed.
func TestSharedPool(t *testing.T) {
	t.Parallel()
	e := dbtest.Postgres()
	d := dbtest.Open(t, db.WithMaxConns(e.URL(t), 1))
	if d.HasReserved() {
		t.Fatal("a pool of one has connections to spare")
	}
	store := sealed.New(d, &keyring.Keyring{})
	stop := make(chan struct{})
	var all sync.WaitGroup
	const others = 8
	for range others {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_ = store.Write(t.Context(), "work", func(ctx context.Context, q db.Querier) error {
					time.Sleep(300 * time.Millisecond)
					return readOne(ctx, q)
				})
			}
		})
	}
	defer all.Wait()
	defer close(stop)
	time.Sleep(sealed.OutageAfter)
	for range 3 {
		if err := store.ReadAccess(t.Context(), "check", readOne); errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("overload counts as an outage: %v", err)
		}
	}
}

// TestOutageOpens: guarantee 5. A database that cannot be reached is unavailable to access
// checks after OutageAfter, and then immediately; when it is back, so are they.
func TestOutageOpens(t *testing.T) {
	t.Parallel()
	link := newLink(t, dbtest.Postgres().URL(t))
	store := sealed.New(dbtest.Open(t, link.url), &keyring.Keyring{})
	check := func() (time.Duration, error) {
		began := time.Now()
		err := store.ReadAccess(t.Context(), "check", readOne)
		return time.Since(began), err
	}
	if _, err := check(); !errors.Is(err, storage.ErrNotFound) {
		t.Fatal(err)
	}
	time.Sleep(sealed.OutageAfter) // in which no one asks, so that it is none
	link.cut(true)
	for _, want := range []struct{ least, most time.Duration }{
		{sealed.OutageAfter / 2, sealed.OutageAfter + time.Second}, {0, time.Second},
	} {
		took, err := check()
		if !errors.Is(err, storage.ErrUnavailable) || took > want.most || took < want.least {
			t.Errorf("cut off: %v after %v, want an outage within %v", err, took, want)
		}
	}
	link.cut(false)
	time.Sleep(time.Second) // for which the pool remembers
	if _, err := check(); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("when it is back: %v", err)
	}
}

// link is a way to a server that can be cut.
type link struct {
	url   string
	mu    sync.Mutex
	isCut bool
	conns []net.Conn
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	cfg, err := pgconn.ParseConfig(to)
	if err != nil {
		t.Fatal(err)
	}
	network, server := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	l, query := &link{}, u.Query()
	u.Host = listener.Addr().String()
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable")
	u.RawQuery = query.Encode()
	l.url = u.String()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			l.pass(in, network, server)
		}
	}()
	return l
}

func (l *link) pass(in net.Conn, network, server string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isCut {
		_ = in.Close()
		return
	}
	out, err := net.Dial(network, server)
	if err != nil {
		_ = in.Close()
		return
	}
	l.conns = append(l.conns, in, out)
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		go func() {
			_, _ = io.Copy(pair[1], pair[0])
			_ = pair[1].Close()
		}()
	}
}

func (l *link) cut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = cut
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}
