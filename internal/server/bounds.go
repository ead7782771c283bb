package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// Requests of a kind that may be in progress at a time, above what many users together
// send and below what makes one of another kind wait. As many again may wait in line for
// lineWait; what exceeds both is refused immediately.
const (
	lineWait = time.Second

	maxRegistrations = 64
	maxPages         = 256
	maxTokenRequests = 256
	// maxPasswords and maxAssertions are how many requests may wait to have one verified,
	// which takes some 20 ms and 19 MiB, or up to 2 ms, and is done for one at a time.
	maxPasswords  = 16
	maxAssertions = 128
)

// errTooBusy refuses what exceeds a bound.
var errTooBusy = &oauth.Error{
	Code: oauth.TemporarilyUnavailable, Status: http.StatusServiceUnavailable,
	Description: "too many requests are in progress; try again shortly",
}

// bounds are the requests in progress, by kind, so that a flood of one kind leaves the
// others their share of the database and the processor.
type bounds struct {
	registration, management, page, callback, token, revocation, introspection, verification line

	password, assertion queue
}

func newBounds() bounds {
	return bounds{
		registration: newLine(maxRegistrations), management: newLine(maxRegistrations), page: newLine(maxPages), callback: newLine(maxPages),
		token: newLine(maxTokenRequests), revocation: newLine(maxTokenRequests), introspection: newLine(maxTokenRequests), verification: newLine(maxTokenRequests),
		password: newQueue(maxPasswords), assertion: newQueue(maxAssertions),
	}
}

// bound holds an element for each request of a kind that is in progress.
type bound chan struct{}

// enter takes a place until leave is called, or returns errTooBusy.
func (b bound) enter() (leave func(), err error) {
	select {
	case b <- struct{}{}:
		return func() { <-b }, nil
	default:
		return nil, errTooBusy
	}
}

// line is a bound before which requests wait in the order of their arrival. Without it, a
// flood that repeats what is refused gets nearly all places, and an app that waits for as
// long as it was told almost none.
type line struct{ places, waiting bound }

func newLine(size int) line { return line{places: make(bound, size), waiting: make(bound, size)} }

// enter takes a place until leave is called, or returns errTooBusy.
func (l line) enter(ctx context.Context) (leave func(), err error) {
	if leave, err = l.places.enter(); err == nil {
		return leave, nil
	}
	step, err := l.waiting.enter()
	if err != nil {
		return nil, err
	}
	defer step()
	timer := time.NewTimer(lineWait)
	defer timer.Stop()
	select {
	case l.places <- struct{}{}: // the first in line comes before one that has not waited
		return func() { <-l.places }, nil
	case <-timer.C:
		return nil, errTooBusy
	case <-ctx.Done():
		return nil, errTooBusy.Wrap(ctx.Err())
	}
}

// within returns h within a bound. A request counts once its body has arrived: one that
// comes slowly must not take a place.
func within(l line, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(&readBody{bytes.NewReader(body), err})
		leave, busy := l.enter(r.Context())
		if busy != nil {
			return busy
		}
		defer leave()
		return h(w, r)
	}
}

// readBody is a body that has arrived, and how it ended.
type readBody struct {
	rest *bytes.Reader
	err  error
}

// Read implements io.Reader.
func (b *readBody) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if errors.Is(err, io.EOF) && b.err != nil {
		err = b.err
	}
	return n, err
}

// queue is for a step that costs so much that one request takes it at a time.
type queue struct {
	places bound
	turn   chan struct{}
}

func newQueue(size int) queue { return queue{places: make(bound, size), turn: make(chan struct{}, 1)} }

// enter takes a place in the queue until leave is called, or returns errTooBusy.
func (q queue) enter() (leave func(), err error) { return q.places.enter() }

// do runs the step when it is its turn.
func (q queue) do(ctx context.Context, step func() error) error {
	select {
	case q.turn <- struct{}{}:
		defer func() { <-q.turn }()
		return step()
	case <-ctx.Done():
		return errTooBusy.Wrap(ctx.Err())
	}
}
