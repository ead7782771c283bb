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
		u.checkSessions(sessions)
		u.checkShared()
	}
}

func (u *Upstream) checkSessions(list []*session) {
	live := map[string]bool{}
	for _, s := range list {
		grant := s.grantID()
		isLive, known := live[grant]
		if !known {
			isLive = u.Mode == Shared || u.Live == nil || u.Live(context.Background(), grant)
			live[grant] = isLive
		}
		if !isLive || u.Idle > 0 && s.isIdle(u.Idle) {
			u.finish(s, errSessionEnd)
		}
	}
}

// checkShared ends processes that no session has used for a time.
func (u *Upstream) checkShared() {
	u.mu.Lock()
	conns := slices.Collect(maps.Values(u.conns))
	u.mu.Unlock()
	for _, c := range conns {
		c.stopWhen(errStopped, func() bool {
			return u.Idle > 0 && len(c.sessions) == 0 && len(c.calls) == 0 && time.Since(c.used) >= u.Idle
		})
	}
}
