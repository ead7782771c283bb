package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// memory holds what the database answered lately, at most a fixed number of
// answers. Of any number of goroutines that want the same one, one asks.
type memory[K comparable, V any] struct {
	now  func() time.Time
	keep time.Duration // how long an answer is useful
	// room holds an element for each caller that waits for the question of another one with
	// such a key; nil for any number.
	room func(K) chan struct{}

	mu     sync.Mutex
	known  *simplelru.LRU[K, answer[V]]
	asking map[K]*question[V]
}

// answer is a value and when the database was asked for it: it held then or
// later.
type answer[V any] struct {
	value V
	asked time.Time
}

// question is on its way to the database. Only its asker writes to it, before
// done is closed.
type question[V any] struct {
	answer[V]
	err     error
	excused time.Duration // of the time that it took: see storage.Excuse
	done    chan struct{}
}

func newMemory[K comparable, V any](size int, keep time.Duration, now func() time.Time) *memory[K, V] {
	known, err := simplelru.NewLRU[K, answer[V]](size, nil)
	if err != nil {
		panic(err) // the size is one of our constants
	}
	return &memory[K, V]{now: now, keep: keep, known: known, asking: make(map[K]*question[V])}
}

// get returns a fresh answer, or what ask says. Errors are not remembered. ask
// runs with the context's values and deadline, but is not canceled with it:
// others may wait for the same answer.
func (m *memory[K, V]) get(ctx context.Context, key K, ask func(context.Context) (V, error)) (V, error) {
	if err := ctx.Err(); err != nil {
		return *new(V), unavailable(err)
	}
	value, q, first := m.lookUp(key)
	switch {
	case q == nil:
		return value, nil
	case first:
		m.put(ctx, key, q, ask)
		return q.value, q.err
	}
	leave, free := m.enter(key)
	if !free {
		return *new(V), storage.ErrBusy
	}
	defer leave()
	began := time.Now()
	select {
	case <-q.done:
		storage.Excuse(ctx, min(q.excused, time.Since(began)))
		return q.value, q.err
	case <-ctx.Done():
		return *new(V), unavailable(ctx.Err())
	}
}

// enter takes a place among those that wait until leave is called, if one is free.
func (m *memory[K, V]) enter(key K) (leave func(), free bool) {
	if m.room == nil || m.room(key) == nil {
		return func() {}, true
	}
	room := m.room(key)
	select {
	case room <- struct{}{}:
		return func() { <-room }, true
	default:
		return nil, false
	}
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", storage.ErrUnavailable, err) }

// recall returns an answer of any age up to keep.
func (m *memory[K, V]) recall(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.known.Get(key)
	return a.value, ok && m.now().Sub(a.asked) < m.keep
}

// lookUp returns the fresh answer; or else the question that is under way; or
// else a new one, which the caller, being first, has to put. A question that has
// been under way for too long is not waited for: its answer may be older than
// Fresh.
func (m *memory[K, V]) lookUp(key K) (value V, q *question[V], first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if a, ok := m.known.Get(key); ok && now.Sub(a.asked) < Fresh {
		return a.value, nil, false
	}
	if q, ok := m.asking[key]; ok && now.Sub(q.asked) < Fresh {
		return value, q, false
	}
	q = &question[V]{answer: answer[V]{asked: now}, done: make(chan struct{})}
	m.asking[key] = q
	return value, q, true
}

// longestQuestion is longer than any question takes: its parts have limits of their own.
const longestQuestion = time.Minute

// errUnanswered is what others get when ask panics.
var errUnanswered = errors.New("the database query got no response")

// put puts a question and remembers the answer.
func (m *memory[K, V]) put(ctx context.Context, key K, q *question[V], ask func(context.Context) (V, error)) {
	q.err = errUnanswered
	defer m.settle(key, q)
	asker := storage.WithSomePatience(context.WithoutCancel(ctx), longestQuestion)
	before := storage.Excused(asker)
	defer func() { q.excused = storage.Excused(asker) - before }()
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		asker, cancel = context.WithDeadline(asker, deadline)
		defer cancel()
	}
	q.value, q.err = ask(asker)
}

// settle ends a question. If something was forgotten meanwhile, or the question
// was put again, the answer may be of before and is not remembered.
func (m *memory[K, V]) settle(key K, q *question[V]) {
	defer close(q.done)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asking[key] != q {
		return
	}
	delete(m.asking, key)
	switch {
	case q.err == nil:
		m.known.Add(key, q.answer)
		m.dropStale()
	case !errors.Is(q.err, storage.ErrUnavailable) && !errors.Is(q.err, storage.ErrBusy):
		m.known.Remove(key) // it is no longer so
	}
}

// dropStale removes the least recently used answers once they are useless, two
// for each that is added, so that the memory shrinks again after a rush.
func (m *memory[K, V]) dropStale() {
	for range 2 {
		key, a, ok := m.known.GetOldest()
		if !ok || m.now().Sub(a.asked) < m.keep {
			return
		}
		m.known.Remove(key)
	}
}

// forget forgets one answer, and questions that are under way.
func (m *memory[K, V]) forget(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known.Remove(key)
	delete(m.asking, key)
}

// forgetIf forgets all answers that match. What questions under way are about is
// not known yet, so none of their answers is remembered or waited for.
func (m *memory[K, V]) forgetIf(matches func(V) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.asking)
	for _, key := range m.known.Keys() {
		if a, ok := m.known.Peek(key); ok && matches(a.value) {
			m.known.Remove(key)
		}
	}
}
