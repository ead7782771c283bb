package server

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
)

// comer enters a line in the background and says how that ended.
type comer struct {
	err  error
	took time.Duration
}

func comes(ctx context.Context, l line) <-chan comer {
	out := make(chan comer, 1)
	go func() {
		began := time.Now()
		_, err := l.enter(ctx)
		out <- comer{err, time.Since(began)}
	}()
	synctest.Wait()
	return out
}

// TestLine: a place that becomes free is given to the first in line. What exceeds the line is
// refused immediately, and no one waits in it for longer than lineWait or after a hang-up.
func TestLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(2)
		want := func(who string, waiting <-chan comer, in bool, after time.Duration) {
			t.Helper()
			refusal := new(oauth.Error)
			c := <-waiting
			if (c.err == nil) != in || c.err != nil && (!errors.As(c.err, &refusal) || refusal.Status != http.StatusServiceUnavailable) || c.took != after {
				t.Errorf("%s: %v after %v; want to be in: %t, after %v", who, c.err, c.took, in, after)
			}
		}
		inside, _ := l.enter(t.Context())
		want("the last place", comes(t.Context(), l), true, 0)
		hasty, hangUp := context.WithCancel(t.Context())
		first, gone := comes(t.Context(), l), comes(hasty, l)
		want("beyond the line", comes(t.Context(), l), false, 0)
		hangUp()
		want("hung up", gone, false, 0)
		second := comes(t.Context(), l)
		time.Sleep(lineWait / 2)
		inside()
		want("first in line", first, true, lineWait/2)
		want("second in line", second, false, lineWait)
		want("after them", comes(t.Context(), l), false, lineWait)
		if len(l.places) != 2 || len(l.waiting) != 0 {
			t.Errorf("%d places and %d in line are taken", len(l.places), len(l.waiting))
		}
	})
}
