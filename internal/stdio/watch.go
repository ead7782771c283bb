package stdio

import (
	"context"
	"maps"
	"slices"
	"time"
)

// watchEvery is how often it is checked what has to end.
const watchEvery = 2 * time.Second

// watch begins to check the processes, unless that happens already. u.mu is held.
func (u *Upstream) watch() {
	if !u.watching {
		u.watching = true
		go u.check()
	}
}

func (u *Upstream) every() time.Duration {
	if u.Idle > 0 {
		return min(watchEvery, u.Idle)
	}
	return watchEvery
}

// check ends what is idle or revoked, until no process is left.
func (u *Upstream) check() {
	for {
		time.Sleep(u.every())
		u.mu.Lock()
		if len(u.all) == 0 {
			u.watching = false
			u.mu.Unlock()
			return
		}
		sessions := slices.Collect(maps.Values(u.sessions))
		u.mu.Unlock()
		live := u.liveness()
		u.checkSessions(sessions, live)
		u.checkShared(live)
	}
}

// liveness returns what says whether a grant still lets its client act. It asks for each once.
func (u *Upstream) liveness() func(grant string) bool {
	known := map[string]bool{}
	return func(grant string) bool {
		if _, asked := known[grant]; !asked {
			known[grant] = u.Mode == Shared || u.Live == nil || u.Live(context.Background(), grant)
		}
		return known[grant]
	}
}

func (u *Upstream) checkSessions(list []*session, live func(string) bool) {
	for _, s := range list {
		if !live(s.grantID()) || u.Idle > 0 && s.isIdle(u.Idle) {
			u.finish(s, errSessionEnd)
		}
	}
}

// checkShared ends processes that no session uses, some time later, or when the access has
// ended that the last one came with.
func (u *Upstream) checkShared(live func(string) bool) {
	u.mu.Lock()
	conns := slices.Collect(maps.Values(u.conns))
	u.mu.Unlock()
	for _, c := range conns {
		grant := c.lastGrant()
		ended := grant != "" && !live(grant)
		c.stopWhen(errStopped, func() bool {
			isIdle := u.Idle > 0 && time.Since(c.used) >= u.Idle
			return len(c.sessions) == 0 && len(c.calls) == 0 && (ended || isIdle)
		})
	}
}

// lastGrant is the grant of the session that left last, "" if none has.
func (c *conn) lastGrant() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.grant
}
