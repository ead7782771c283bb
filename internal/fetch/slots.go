package fetch

import (
	"context"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

const (
	defaultAtOnce  = 16
	defaultPerSite = 2
)

// Site is the registrable domain of a host name (the name itself where it has
// none), or the address: what one owner can make any number of names under.
func Site(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if site, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return site
	}
	return host
}

// slots bound the fetches under way, of all sites and of one.
type slots struct {
	atOnce  chan struct{}
	perSite int

	mu    sync.Mutex
	sites map[string]*site
}

// site is a site that is being asked.
type site struct {
	slots chan struct{}
	users int // who holds or awaits a slot
}

func newSlots(atOnce, perSite int) *slots {
	if atOnce == 0 {
		atOnce = defaultAtOnce
	}
	if perSite == 0 {
		perSite = defaultPerSite
	}
	return &slots{atOnce: make(chan struct{}, atOnce), perSite: perSite, sites: map[string]*site{}}
}

// take waits for a slot until the context ends. The site's comes first, so that
// a slow one holds up no one else.
func (s *slots) take(ctx context.Context, name string) (release func(), err error) {
	at := s.enter(name)
	select {
	case at.slots <- struct{}{}:
	case <-ctx.Done():
		s.leave(name)
		return nil, ctx.Err()
	}
	select {
	case s.atOnce <- struct{}{}:
	case <-ctx.Done():
		<-at.slots
		s.leave(name)
		return nil, ctx.Err()
	}
	return func() {
		<-s.atOnce
		<-at.slots
		s.leave(name)
	}, nil
}

func (s *slots) enter(name string) *site {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.sites[name]
	if !ok {
		at = &site{slots: make(chan struct{}, s.perSite)}
		s.sites[name] = at
	}
	at.users++
	return at
}

func (s *slots) leave(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.sites[name]; at.users == 1 {
		delete(s.sites, name)
	} else {
		at.users--
	}
}
