package pgtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between a client and a PostgreSQL server, or any other server, and breaks
// the connections between them. Its methods may be called from several goroutines.
type Proxy struct {
	listener        net.Listener
	network, target string

	latency   atomic.Int64
	jam       atomic.Int64
	blackHole atomic.Bool
	refuse    atomic.Bool
	cuts      atomic.Int64 // commits to cut: after them when positive, before when negative
	done      atomic.Int64

	mu    sync.Mutex
	conns map[*proxied]struct{}
}

// proxied is one connection.
type proxied struct {
	client, server net.Conn
	cut            atomic.Bool // what the server answers next is lost, and the connection with it
}

// NewProxy returns a proxy for the server of a DSN, and the DSN that leads through it.
func NewProxy(t testing.TB, dsn string) (p *Proxy, through string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "mkpx") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const socket = ".s.PGSQL." + port
	q := u.Query()
	p = NewRawProxy(t, "unix", filepath.Join(dir, socket), filepath.Join(q.Get("host"), socket))
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	return p, u.String()
}

// NewRawProxy returns a proxy that listens at one address and leads to another.
func NewRawProxy(t testing.TB, network, listen, target string) *Proxy {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), network, listen)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, network: network, target: target, conns: make(map[*proxied]struct{})}
	t.Cleanup(func() {
		_ = l.Close()
		p.Cut()
	})
	go p.serve()
	return p
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Heal ends all faults.
func (p *Proxy) Heal() {
	p.latency.Store(0)
	p.jam.Store(0)
	p.cuts.Store(0)
	p.refuse.Store(false)
	if p.blackHole.Swap(false) {
		p.Cut() // what was swallowed is missing
	}
}

// Slow delays each piece of data.
func (p *Proxy) Slow(by time.Duration) { p.latency.Store(int64(by)) }

// Lose delays one piece of data in ten, as a network does that drops packets and sends them
// again after some time.
func (p *Proxy) Lose(resent time.Duration) { p.jam.Store(int64(resent)) }

// BlackHole swallows all data, as a network does that is cut.
func (p *Proxy) BlackHole() { p.blackHole.Store(true) }

// Refuse closes all connections, and new ones immediately.
func (p *Proxy) Refuse() {
	p.refuse.Store(true)
	p.Cut()
}

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.close()
	}
}

// HalfClose ends what the server sends, and leaves the other direction open.
func (p *Proxy) HalfClose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if half, ok := c.client.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}
}

// CutAfterCommit loses the answers to the next n commits, with their connections.
func (p *Proxy) CutAfterCommit(n int64) { p.cuts.Store(n) }

// CutBeforeCommit loses the next n commits, with their connections.
func (p *Proxy) CutBeforeCommit(n int64) { p.cuts.Store(-n) }

// CutCommits returns how many commits were cut.
func (p *Proxy) CutCommits() int64 { return p.done.Load() }

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.connect(client)
	}
}

func (p *Proxy) connect(client net.Conn) {
	server, err := (&net.Dialer{}).Dial(p.network, p.target)
	if err != nil || p.refuse.Load() {
		_ = client.Close()
		if err == nil {
			_ = server.Close()
		}
		return
	}
	c := &proxied{client: client, server: server}
	p.mu.Lock()
	p.conns[c] = struct{}{}
	p.mu.Unlock()
	go func() {
		p.pump(c, c.server, c.client, nil)
		c.close()
	}()
	p.pump(c, c.client, c.server, new(commits))
	c.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (c *proxied) close() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// pump copies one direction. found looks for commits, nil in what the server says.
func (p *Proxy) pump(c *proxied, from io.Reader, to io.Writer, found *commits) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !p.blackHole.Load() {
			time.Sleep(p.delay())
			if !p.pass(c, buf[:n], to, found) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// delay is that of the next piece of data.
func (p *Proxy) delay() time.Duration {
	by := time.Duration(p.latency.Load())
	if rand.IntN(10) == 0 {
		by += time.Duration(p.jam.Load())
	}
	return by
}

// pass forwards a piece of data, unless the connection is to end here.
func (p *Proxy) pass(c *proxied, data []byte, to io.Writer, found *commits) bool {
	if found == nil && c.cut.Load() {
		return false // the server has committed
	}
	if found != nil && found.in(data) {
		switch cuts := p.cuts.Load(); {
		case cuts > 0 && p.cuts.CompareAndSwap(cuts, cuts-1):
			p.done.Add(1)
			c.cut.Store(true)
		case cuts < 0 && p.cuts.CompareAndSwap(cuts, cuts+1):
			p.done.Add(1)
			return false
		}
	}
	_, err := to.Write(data)
	return err == nil
}

// commits finds the end of transactions in what a client sends (PostgreSQL, "Message
// Formats"): COMMIT, and the Sync after several statements, which commits those.
type commits struct {
	buffered []byte
	started  bool // past the startup message, which has no type
	executed int  // statements since the last Sync
}

// in reports whether a commit ends in the next piece of data.
func (m *commits) in(data []byte) bool {
	m.buffered = append(m.buffered, data...)
	found := false
	for {
		message, err := m.next()
		if err != nil {
			return found
		}
		found = m.commits(message) || found
	}
}

func (m *commits) commits(message []byte) bool {
	switch message[0] {
	case 'Q':
		return len(message) > 5 && bytes.EqualFold(bytes.TrimRight(message[5:], "\x00"), []byte("commit"))
	case 'E':
		m.executed++
	case 'S':
		several := m.executed > 1
		m.executed = 0
		return several
	}
	return false
}

var errIncomplete = errors.New("incomplete")

// next takes a message off the buffer.
func (m *commits) next() ([]byte, error) {
	header := 1
	if !m.started {
		header = 0
	}
	if len(m.buffered) < header+4 {
		return nil, errIncomplete
	}
	size := header + int(binary.BigEndian.Uint32(m.buffered[header:]))
	if size < header+4 || len(m.buffered) < size {
		return nil, errIncomplete
	}
	message := m.buffered[:size]
	m.buffered, m.started = m.buffered[size:], true
	return message, nil
}
