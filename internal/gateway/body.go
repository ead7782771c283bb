package gateway

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
)

// keepSmall is how much of a body is always kept: net/http sends a request again when the
// upstream closed an idle connection before any of it left.
const keepSmall = 64 << 10

var errNotKept = errors.New("the request is too large to be sent a second time")

// body is a client's request body. It remembers what was read while that may have to be
// sent again, and looks at the JSON-RPC message that passes by. Several readers may
// be at it: the transport may still read for an attempt whose response has come.
type body struct {
	mu     sync.Mutex
	source io.Reader
	keep   int // bytes; beyond them nothing is kept
	kept   []byte
	lost   int // bytes that were read and are no longer kept
	err    error
	scan   scanner
	ended  string // how the exchange ended, for the audit trail; see record

	answers *answers // what the response says of that; nil without a message
}

// attempt reads the body from its beginning on.
func (b *body) attempt() io.ReadCloser { return &attempt{body: b} }

type attempt struct {
	body *body
	at   int
}

func (a *attempt) Read(p []byte) (int, error) {
	b := a.body
	b.mu.Lock()
	defer b.mu.Unlock()
	switch end := b.lost + len(b.kept); {
	case a.at < b.lost:
		return 0, errNotKept
	case a.at < end:
		n := copy(p, b.kept[a.at-b.lost:])
		a.at += n
		return n, nil
	case b.err != nil:
		return 0, b.err
	}
	n, err := b.source.Read(p)
	b.took(p[:n], err)
	a.at += n
	return n, err
}

func (*attempt) Close() error { return nil } // the server closes the request's body

func (b *body) took(p []byte, err error) {
	b.scan.write(p)
	b.err = err
	if b.lost == 0 && len(b.kept)+len(p) <= b.keep {
		b.kept = append(b.kept, p...)
		return
	}
	b.lost += len(b.kept) + len(p)
	b.kept = nil
}

// requestID reads what is left of the body and returns the raw id of the request in it,
// "null" where there is none, or it cannot be known.
func (b *body) requestID() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	buf := make([]byte, 4<<10)
	for b.err == nil {
		n, err := b.source.Read(buf)
		b.scan.write(buf[:n])
		b.err = err
	}
	if !errors.Is(b.err, io.EOF) {
		return unknownID
	}
	return b.scan.result()
}

// whole reads the body to its end and returns it. It is what is sent to the upstream.
func (b *body) whole(ctx context.Context, length int64) ([]byte, error) {
	b.mu.Lock()
	if b.keep < math.MaxInt { // or it was read already
		b.keep = math.MaxInt
		b.kept = make([]byte, 0, min(max(length, 0), keepSmall)+1)
	}
	buf := make([]byte, 16<<10)
	for b.err == nil {
		n, err := b.source.Read(buf)
		b.took(buf[:n], err)
	}
	b.mu.Unlock()
	return b.kept, b.failure(ctx)
}
