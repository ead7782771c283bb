//go:build chaos

package chaos_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/db/pgtest"
	"github.com/mcpkeep/mcpkeep/test/harness"
)

// wholeEnd is how long a server takes to end with the default drain.
const wholeEnd = 8 * time.Second

// TestEnds: SIGTERM ends the server in time, whatever hangs, with status 0.
func TestEnds(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	opts := harness.Options{Database: cluster.DSN(), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}}
	for name, hang := range map[string]func(t *testing.T, p *harness.Process){
		"a body never comes": func(t *testing.T, p *harness.Process) { t.Helper(); halfRequest(t, p) },
		"the database hangs": func(t *testing.T, p *harness.Process) {
			t.Helper()
			if err := cluster.Pause(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 12 { // more than the pool holds
				go func() { _ = harness.NewClient(p.URL, nil).Register(context.Background()) }()
			}
			time.Sleep(time.Second / 2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := harness.Start(t, opts)
			if name == "the database hangs" {
				t.Cleanup(cluster.Resume)
			}
			hang(t, p)
			began := time.Now()
			status := p.Term()
			took := time.Since(began)
			t.Logf("%s: ended in %v", name, took.Round(time.Millisecond))
			if status != 0 || took > wholeEnd {
				t.Errorf("exit status %d after %v", status, took)
			}
		})
	}
}

// TestDrain: after SIGTERM a server is not ready, and still answers, with a response that
// ends the connection.
func TestDrain(t *testing.T) {
	t.Parallel()
	opts := harness.Engines()[0].Options(t)
	opts.Args = append(opts.Args, "--drain", "2s")
	p := harness.Start(t, opts)
	p.Terminate()
	within(t, time.Second, "/readyz to say so", func() bool {
		a := get(t.Context(), t, p.URL+"/readyz")
		return a.status == http.StatusServiceUnavailable && a.body["reason"] == "shutting down"
	})
	a := get(t.Context(), t, p.URL+"/.well-known/oauth-authorization-server")
	if a.status != http.StatusOK {
		t.Errorf("a request in the drain: status %d", a.status)
	}
	conn := dial(t.Context(), t, p.Address())
	if res := conn.ask(); res == nil || !res.Close {
		t.Errorf("a response in the drain: %+v, want one that ends its connection", res)
	}
	if status := p.Wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// kept is a kept-alive connection of a load balancer.
type kept struct {
	net.Conn
	read *bufio.Reader
	host string
}

func dial(ctx context.Context, t *testing.T, address string) *kept {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil
	}
	return &kept{Conn: conn, read: bufio.NewReader(conn), host: address}
}

// closed looks whether the other side has closed the connection.
func (k *kept) closed() bool {
	_ = k.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := k.read.Peek(1)
	_ = k.SetReadDeadline(time.Time{})
	var netErr net.Error
	return !errors.As(err, &netErr) || !netErr.Timeout()
}

// ask sends a request, and returns nil for one that was cut.
func (k *kept) ask() *http.Response {
	if _, err := fmt.Fprintf(k, "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: %s\r\n\r\n", k.host); err != nil {
		return nil
	}
	res, err := http.ReadResponse(k.read, nil)
	if err != nil {
		return nil
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil
	}
	return res
}

// balancer sends requests to the replicas that are ready, on connections that it keeps.
type balancer struct {
	replicas  []*harness.Process
	addresses []string // of the replicas, which a restart keeps
	ready     []atomic.Bool
	looks     bool

	sent, cut atomic.Int64
}

// watch asks each replica whether it is ready.
func (b *balancer) watch(ctx context.Context) {
	client := http.Client{Timeout: time.Second}
	for ctx.Err() == nil {
		for i, address := range b.addresses {
			res, err := client.Get("http://" + address + "/readyz")
			if err == nil {
				_ = res.Body.Close()
			}
			b.ready[i].Store(err == nil && res.StatusCode == http.StatusOK)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// send sends requests one after another until the context ends.
func (b *balancer) send(ctx context.Context, t *testing.T, worker int) {
	t.Helper()
	conns := make([]*kept, len(b.replicas))
	for n := worker; ctx.Err() == nil; n++ {
		i := n % len(b.replicas)
		if !b.ready[i].Load() {
			conns[i] = nil // a replica that left is forgotten with its connections
			time.Sleep(time.Millisecond)
			continue
		}
		if conns[i] == nil || b.looks && conns[i].closed() {
			if conns[i] = dial(ctx, t, b.addresses[i]); conns[i] == nil {
				continue
			}
		}
		b.sent.Add(1)
		switch res := conns[i].ask(); {
		case res == nil || res.StatusCode != http.StatusOK:
			b.cut.Add(1)
			conns[i] = nil
		case res.Close:
			conns[i] = nil
		}
		time.Sleep(time.Duration(worker%5) * 10 * time.Millisecond) // some connections are mostly idle
	}
}

// TestRollingRestart: replicas that are restarted one after another behind a load balancer
// cut no request, whether or not it looks before it sends.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	for name, looks := range map[string]bool{"looks before it sends": true, "does not look": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := harness.Options{Database: pgtest.New(t), Env: []string{"MCPKEEP_ENCRYPTION_KEYS=" + harness.NewKey(t)}}
			b := &balancer{looks: looks, ready: make([]atomic.Bool, 3)}
			for range b.ready {
				p := harness.Start(t, opts)
				b.replicas, b.addresses = append(b.replicas, p), append(b.addresses, p.Address())
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var all sync.WaitGroup
			all.Go(func() { b.watch(ctx) })
			for worker := range 8 {
				all.Go(func() { b.send(ctx, t, worker) })
			}
			for i, p := range b.replicas {
				time.Sleep(time.Second)
				if status := p.Term(); status != 0 {
					t.Errorf("replica %d: exit status %d", i, status)
				}
				if err := p.Restart(); err != nil {
					t.Fatal(err)
				}
				within(t, 10*time.Second, "ready after the restart", b.ready[i].Load)
			}
			stop()
			all.Wait()
			t.Logf("%d requests in a rolling restart, %d cut", b.sent.Load(), b.cut.Load())
			if b.cut.Load() > 0 || b.sent.Load() < 100 {
				t.Errorf("%d of %d requests were cut", b.cut.Load(), b.sent.Load())
			}
		})
	}
}
