package cimd

import (
	"fmt"
	"testing"
)

// TestWaitingIsBounded: requests that wait for sites leave places, and those for which something
// stands in have places of their own. Those that wait for one site leave some for others.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	w := new(waiting)
	for _, standIn := range []bool{false, true} {
		var leaves []func()
		for site := range maxWaiting / maxWaitingSite {
			for i := range maxWaitingSite {
				leave, free := w.enter(fmt.Sprint(site), standIn)
				if !free {
					t.Fatalf("stand-in %t: no place after %d of site %d", standIn, i, site)
				}
				leaves = append(leaves, leave)
			}
			if site > 0 {
				continue
			}
			if _, free := w.enter(fmt.Sprint(site), standIn); free {
				t.Errorf("stand-in %t: a place too many for a site", standIn)
			}
		}
		if _, free := w.enter("another", standIn); free {
			t.Errorf("stand-in %t: a place too many", standIn)
		}
		leaves[0]()
		if _, free := w.enter("another", standIn); !free {
			t.Errorf("stand-in %t: a place that was left is taken", standIn)
		}
		for _, leave := range leaves[1:] {
			leave()
		}
	}
	if len(w.known.sites)+len(w.unknown.sites) != 2 {
		t.Errorf("sites are remembered: %v, %v", w.known.sites, w.unknown.sites)
	}
}
