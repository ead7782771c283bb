package survey

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

// Each calls f with the rows of a store, in any order, until f fails.
type Each func(ctx context.Context, f func(fastmcp.Row) error) error

// Reader opens rows.
type Reader struct {
	// Open returns the JSON in a value, and the ID of the key that opened it: "" if it is
	// not encrypted.
	Open func(value json.RawMessage) (plaintext []byte, keyID string, err error)
	// Plain: sessions and tokens count that are not encrypted.
	Plain bool
	Now   time.Time
}

// Survey is a report in the making.
type Survey struct {
	Reader
	collections map[string]*Collection
	clients     map[name]client
	sessions    map[name]session
	scopes      map[string]int64
	shape       shape
	issuers     []string
	resources   []string
}

// shape is what shows the version of FastMCP.
type shape struct{ refreshRows, consentToken bool }

func newSurvey(r Reader, collections ...string) *Survey {
	s := &Survey{
		Reader: r, collections: map[string]*Collection{}, clients: map[name]client{}, sessions: map[name]session{}, scopes: map[string]int64{},
	}
	for _, c := range collections {
		s.collections[c] = &Collection{Name: c, Opened: map[string]int64{}}
	}
	return s
}

// Read reads all rows.
func Read(ctx context.Context, rows Each, r Reader) (*Survey, error) {
	s := newSurvey(r, fastmcp.Collections()...)
	return s, rows(ctx, func(row fastmcp.Row) error {
		s.add(row)
		return nil
	})
}

// add counts a row.
func (s *Survey) add(row fastmcp.Row) {
	c := s.collections[row.Collection]
	if c == nil {
		return // of another application
	}
	c.Rows++
	plaintext, keyID, err := s.Open(row.Value)
	if err != nil {
		c.Unreadable++
		return
	}
	c.Opened[cmp.Or(keyID, Plain)]++
	if keyID == "" && !s.Plain && row.Collection != fastmcp.ClientCollection {
		c.Refused++ // anyone who can write to the store could have made it
		return
	}
	expired, ok := s.read(row, plaintext)
	switch {
	case !ok:
		c.Malformed++
	case expired || row.Expired(s.Now):
		c.Expired++
	}
}

// read keeps what a row says. It reports whether the row has ended, and whether it is one.
func (s *Survey) read(row fastmcp.Row, plaintext []byte) (expired, ok bool) {
	switch row.Collection {
	case fastmcp.ClientCollection:
		return false, s.readClient(row.Key, plaintext)
	case fastmcp.SessionCollection:
		return false, s.readSession(row, plaintext)
	case fastmcp.MappingCollection:
		return false, s.readMapping(row, plaintext)
	case fastmcp.RefreshCollection:
		return s.readRefresh(row, plaintext)
	case fastmcp.CodeCollection, fastmcp.ConsentCollection:
		return endsAt(plaintext, "expires_at", 0, s.Now)
	}
	s.readTransaction(plaintext)
	return endsAt(plaintext, "created_at", transactionLife, s.Now)
}

// transactionLife is how long FastMCP waits for a sign-in.
const transactionLife = 15 * time.Minute

// endsAt reports whether a row has ended by the time in a member, and whether it has that.
func endsAt(plaintext []byte, name string, after time.Duration, now time.Time) (expired, ok bool) {
	var members map[string]json.RawMessage
	var seconds float64
	if json.Unmarshal(plaintext, &members) != nil || json.Unmarshal(members[name], &seconds) != nil || seconds <= 0 {
		return false, false
	}
	return !now.Before(time.UnixMilli(int64(seconds * 1000)).Add(after)), true
}

func (s *Survey) readSession(row fastmcp.Row, plaintext []byte) bool {
	read, err := fastmcp.DecodeSession(plaintext, row.Key)
	if err != nil {
		return false
	}
	if row.Expired(s.Now) {
		return true
	}
	id := nameOf(row.Key)
	one := s.sessions[id]
	one.found, one.client = true, nameOf(read.ClientID)
	one.latest, one.renewable = bytes.Contains(plaintext, []byte(`"upstream_claims"`)), read.RefreshToken != ""
	one.expires, one.refreshUntil = instantOf(read.ExpiresAt), instantOf(read.RefreshExpiresAt)
	s.sessions[id] = one
	return true
}

func (s *Survey) readMapping(row fastmcp.Row, plaintext []byte) bool {
	m, err := fastmcp.DecodeMapping(plaintext, row.Key)
	if err != nil {
		return false
	}
	if !row.Expired(s.Now) {
		id := nameOf(m.SessionID)
		one := s.sessions[id]
		one.linked, one.issued = true, max(one.issued, instantOf(fastmcp.IssuedAt(plaintext)))
		s.sessions[id] = one
	}
	return true
}

func (s *Survey) readRefresh(row fastmcp.Row, plaintext []byte) (expired, ok bool) {
	r, err := fastmcp.DecodeRefresh(plaintext)
	if err != nil {
		return false, false
	}
	s.shape.refreshRows = true
	if row.Expired(s.Now) || !r.ExpiresAt.IsZero() && !s.Now.Before(r.ExpiresAt) {
		return true, true
	}
	id := nameOf(r.ClientID)
	c := s.clients[id]
	if until := instantOf(r.ExpiresAt); !c.refreshable || until == 0 || c.refreshUntil != 0 && until > c.refreshUntil {
		c.refreshUntil = until
	}
	c.refreshable = true
	s.clients[id] = c
	return false, true
}

// MarkAdopted says that a session was taken over, or ended, here.
func (s *Survey) MarkAdopted(sessionID string) {
	id := nameOf(sessionID)
	if one, ok := s.sessions[id]; ok {
		one.adopted = true
		s.sessions[id] = one
	}
}

// Report returns the report.
func (s *Survey) Report() Report {
	r := Report{Version: s.version(), Clients: s.clientCounts(), Sessions: s.judge(), Server: Server{Issuers: s.issuers, Resources: s.resources}}
	for _, name := range fastmcp.Collections() {
		r.Collections = append(r.Collections, *s.collections[name])
	}
	return r
}

// Adoptable reports whether a session can be taken over, and when its tokens end, as far as
// the rows say.
func (s *Survey) Adoptable(sessionID string) (until time.Time, ok bool) {
	one := s.sessions[nameOf(sessionID)]
	if !one.found || one.adopted {
		return time.Time{}, false
	}
	v := s.verdict(one)
	return v.until.time(), v.refused == ""
}

func (s *Survey) clientCounts() Clients {
	out := Clients{Scopes: slices.SortedFunc(maps.Keys(s.scopes), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.scopes[b], s.scopes[a]), cmp.Compare(a, b))
	})}
	for _, c := range s.clients {
		if !c.registered {
			continue
		}
		out.Total++
		for _, count := range []struct {
			is bool
			of *int64
		}{{c.secret, &out.Secrets}, {c.document, &out.Documents}, {c.generation == ours, &out.Ours}} {
			if count.is {
				*count.of++
			}
		}
	}
	return out
}

// Live returns what is in a row that a session may need, and false for one that has ended,
// that does not open, or that is not one of FastMCP's.
func (r Reader) Live(row fastmcp.Row) (plaintext []byte, ok bool) {
	one := newSurvey(r, row.Collection)
	one.add(row)
	c := one.collections[row.Collection]
	if c.Unreadable+c.Malformed+c.Refused+c.Expired > 0 {
		return nil, false
	}
	plaintext, _, err := r.Open(row.Value)
	return plaintext, err == nil
}
