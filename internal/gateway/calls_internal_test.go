package gateway

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSilence: what is heard in time puts the end off, and silence brings it.
func TestSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		s := newSilence(time.Minute, func() { ended.Store(true) })
		for range 10 {
			time.Sleep(59 * time.Second)
			s.heard()
		}
		if synctest.Wait(); ended.Load() {
			t.Error("ended while something came")
		}
		time.Sleep(61 * time.Second)
		if synctest.Wait(); !ended.Load() {
			t.Error("silence does not end it")
		}
		s.stop()
		none := newSilence(0, func() { t.Error("there is no limit") })
		none.heard()
		time.Sleep(24 * time.Hour)
		none.stop()
	})
}
