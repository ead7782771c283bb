//go:build faults

package faults_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/mcpkeep/mcpkeep/test/harness"
)

// tally counts what the clients of one fault saw.
type tally struct {
	cuts     bool // the fault may leave requests without an answer
	outlasts bool // it lasts longer than the server looks for the result of a commit

	mu            sync.Mutex
	acknowledged  int
	unavailable   int // asked to wait: 503, or 429 to a password, with Retry-After
	unanswered    int
	lost, alive   int
	wrong         int
	revoked       int // acknowledged revocations
	rounds        int
	longestAnswer time.Duration
	recovery      time.Duration // the longest
	findings      []string
}

// outcome is what became of one request.
type outcome int

const (
	acknowledged outcome = iota
	unavailable          // to be repeated
	unanswered           // done or not
	wrong
)

func (t *tally) answered(after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.longestAnswer = max(t.longestAnswer, after)
}

// judge counts the outcome of a step that the server has every reason to do.
func (t *tally) judge(what string, err error) outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	var refusal *harness.Error
	switch {
	case err == nil:
		t.acknowledged++
		return acknowledged
	case errors.As(err, &refusal) && asksToWait(refusal):
		t.unavailable++
		return unavailable
	case refusal == nil && t.cuts:
		t.unanswered++
		return unanswered
	}
	t.wrong++
	t.find("%s: %v", what, err)
	return wrong
}

// looksFor is how long the server works on an exchange, and looks for the result of its commit,
// before it gives up: it waits for the database for so long in all.
const looksFor = 3500 * time.Millisecond

// spent reports whether a code was refused that an earlier request may have redeemed, while the
// server could not learn whether its commit was done: the fault lasts for so long, or the
// machine was so slow that the request took longest. A code is good for one use (RFC 6749
// section 4.1.2), so the client begins the sign-in again.
func (t *tally) spent(what string, longest time.Duration, err error) bool {
	var refusal *harness.Error
	if !t.outlasts && longest < looksFor || what != "exchange" || !errors.As(err, &refusal) || refusal.Code != "invalid_grant" {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unanswered++
	return true
}

// asksToWait reports whether the same request is good later on. Passwords are throttled when
// their acceptance could not be recorded.
func asksToWait(e *harness.Error) bool {
	temporary := e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests && e.Code == "page"
	return temporary && e.Header.Get("Retry-After") != ""
}

func (t *tally) hasRevoked() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.revoked++
}

func (t *tally) lose(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost++
	t.find("lost: "+format, args...)
}

func (t *tally) live(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.alive++
	t.find("revoked but alive: "+format, args...)
}

// find keeps enough to tell what is wrong.
func (t *tally) find(format string, args ...any) {
	const enough = 20
	if len(t.findings) < enough {
		t.findings = append(t.findings, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

// enough reports whether the figures tell anything.
func (t *tally) enough() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rounds > 0 && t.acknowledged >= 100 && t.revoked > 0
}

// recovered notes the end of a round.
func (t *tally) recovered(after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rounds++
	t.recovery = max(t.recovery, after)
}
