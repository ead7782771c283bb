package cimd

import "testing"

// TestWaitingIsBounded: requests that wait for sites leave places, and those for which something
// stands in have places of their own.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	w := newWaiting()
	for _, standIn := range []bool{false, true} {
		var leave func()
		for i := range maxWaiting {
			var free bool
			if leave, free = w.enter(standIn); !free {
				t.Fatalf("stand-in %t: no place after %d", standIn, i)
			}
		}
		if _, free := w.enter(standIn); free {
			t.Errorf("stand-in %t: a place too many", standIn)
		}
		leave()
		if _, free := w.enter(standIn); !free {
			t.Errorf("stand-in %t: a place that was left is taken", standIn)
		}
	}
}
