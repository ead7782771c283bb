//go:build clients

package clients_test

import (
	"slices"
	"testing"
)

// expectation is how a library is known to get through a step when not by itself.
type expectation struct {
	step    step
	ways    []string // for these only; nil for all
	outcome outcome
	reason  string
}

// expected is what is known about a library that a way makes known to the server.
func (lib library) expected(w way, s step) expectation {
	for _, e := range lib.expects {
		if e.step == s && (e.ways == nil || slices.Contains(e.ways, w.name)) {
			return e
		}
	}
	return expectation{step: s, outcome: byItself}
}

// check holds what was seen against what is known.
func (lib library) check(t *testing.T, w way, have [steps]outcome) {
	t.Helper()
	for s, how := range have {
		if want := lib.expected(w, step(s)).outcome; how != want {
			t.Errorf("%s: %s, want %s", stepNames[s], how, want)
		}
	}
}
