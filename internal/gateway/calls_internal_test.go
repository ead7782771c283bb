package gateway

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestSilence: what is heard in time puts the end off, and silence brings it.
func TestSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := false
		s := newSilence(time.Minute, func() { ended = true })
		for range 10 {
			time.Sleep(59 * time.Second)
			s.heard()
		}
		if synctest.Wait(); ended {
			t.Error("ended while something came")
		}
		time.Sleep(61 * time.Second)
		if synctest.Wait(); !ended {
			t.Error("silence does not end it")
		}
		s.stop()
		none := newSilence(0, func() { t.Error("there is no limit") })
		none.heard()
		time.Sleep(24 * time.Hour)
		none.stop()
	})
}
