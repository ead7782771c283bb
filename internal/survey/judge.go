package survey

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Why a session cannot be taken over.
const (
	noClient = "its client is not registered"
	noToken  = "no token leads to it any more" //nolint:gosec // no credential
	ended    = "its tokens have ended"
	inMemory = "its refresh token was in the memory of FastMCP 2.13.0 or 2.13.1, and its access token has expired: see MCPKEEP_FASTMCP_LEGACY_UNTIL"
)

// legacyLife is how long a refresh token of FastMCP 2.13 lives.
const legacyLife = 30 * 24 * time.Hour

// verdict is what becomes of a session.
type verdict struct {
	endsWith string
	until    instant // 0 for never
	refused  string
	legacy   bool
}

// judge sorts the sessions.
func (s *Survey) judge() Sessions {
	out := Sessions{Groups: []Group{}, Refused: []Refused{}}
	refused, groups := map[string]int64{}, map[Group]*Group{}
	for _, one := range s.sessions {
		if !one.found {
			continue
		}
		out.Total++
		if one.adopted {
			out.Adopted++
			continue
		}
		v := s.verdict(one)
		if v.legacy {
			out.Legacy++
		}
		if v.refused != "" {
			refused[v.refused]++
			continue
		}
		out.Live++
		if !one.expires.time().After(s.Now) {
			out.Renewals++
		}
		s.group(groups, one, v)
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, *g)
	}
	slices.SortFunc(out.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(b.EndsWith, a.EndsWith))
	})
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		out.Refused = append(out.Refused, Refused{reason, refused[reason]})
	}
	return out
}

// group counts a live session.
func (s *Survey) group(groups map[Group]*Group, one session, v verdict) {
	key := Group{Version: s.generationOf(one).String(), EndsWith: v.endsWith}
	g := groups[key]
	if g == nil {
		g = &Group{Version: key.Version, EndsWith: key.EndsWith}
		groups[key] = g
	}
	g.Sessions++
	if until := v.until.time().UTC().Truncate(time.Second); v.until != 0 && (g.Until == nil || until.After(*g.Until)) {
		g.Until = &until
	}
}

// verdict judges a session that was not taken over. Rows of refresh tokens name their client
// and not their session: with several sessions of one client, one live token speaks for all.
func (s *Survey) verdict(one session) verdict {
	c := s.clients[one.client]
	switch {
	case !c.registered:
		return verdict{refused: noClient}
	case !one.linked:
		return verdict{refused: noToken}
	case one.renewable && c.refreshable:
		until := c.refreshUntil
		if one.refreshUntil != 0 && (until == 0 || one.refreshUntil < until) {
			until = one.refreshUntil
		}
		return verdict{endsWith: EndsWithRefresh, until: until}
	}
	legacy := one.renewable && !s.shape.refreshRows && s.Now.Before(one.issued.time().Add(legacyLife))
	switch {
	case s.Now.Before(one.expires.time()):
		return verdict{endsWith: EndsWithAccess, until: one.expires, legacy: legacy}
	case legacy:
		return verdict{refused: inMemory, legacy: true}
	}
	return verdict{refused: ended}
}
