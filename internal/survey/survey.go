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

// Session is one that can be taken over.
type Session struct {
	ID    string
	Until time.Time // when its tokens end, as far as the rows say
}

// Survey is a report in the making.
type Survey struct {
	Reader
	collections map[string]*Collection
	clients     map[string]*client
	scopes      map[string]int64
	sessions    map[string]*session
	links       map[string]link      // by session
	refresh     map[string]time.Time // the longest refresh token, by client
	shape       shape
	issuers     []string
	resources   []string
}

// client is what a registration says.
type client struct {
	generation       string
	secret, document bool
	ours             bool
}

// session is a sign-in.
type session struct {
	clientID     string
	latest       bool // it has a member of FastMCP 4.2
	renewable    bool // it has a refresh token of the provider
	expires      time.Time
	refreshUntil time.Time // zero if it does not say
}

// link is what the mappings of a session say.
type link struct {
	tokens int
	newest time.Time
}

// shape is what shows the version of FastMCP.
type shape struct{ refreshRows, consentToken bool }

// Read reads all rows.
func Read(ctx context.Context, rows Each, r Reader) (*Survey, error) {
	s := &Survey{
		Reader: r, collections: map[string]*Collection{}, clients: map[string]*client{}, scopes: map[string]int64{},
		sessions: map[string]*session{}, links: map[string]link{}, refresh: map[string]time.Time{},
	}
	for _, name := range fastmcp.Collections() {
		s.collections[name] = &Collection{Name: name, Opened: map[string]int64{}}
	}
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
	s.sessions[row.Key] = &session{
		clientID: read.ClientID, latest: bytes.Contains(plaintext, []byte(`"upstream_claims"`)), renewable: read.RefreshToken != "",
		expires: read.ExpiresAt, refreshUntil: read.RefreshExpiresAt,
	}
	return true
}

func (s *Survey) readMapping(row fastmcp.Row, plaintext []byte) bool {
	m, err := fastmcp.DecodeMapping(plaintext, row.Key)
	if err != nil {
		return false
	}
	if !row.Expired(s.Now) {
		l := s.links[m.SessionID]
		l.tokens++
		if issued := fastmcp.IssuedAt(plaintext); issued.After(l.newest) {
			l.newest = issued
		}
		s.links[m.SessionID] = l
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
	if until, known := s.refresh[r.ClientID]; !known || r.ExpiresAt.IsZero() || !until.IsZero() && r.ExpiresAt.After(until) {
		s.refresh[r.ClientID] = r.ExpiresAt
	}
	return false, true
}

// Report returns the report. adopted says which sessions were taken over, or ended, here.
func (s *Survey) Report(adopted map[string]bool) Report {
	r := Report{Version: s.version(), Clients: s.clientCounts(), Server: Server{Issuers: s.issuers, Resources: s.resources}}
	for _, name := range fastmcp.Collections() {
		r.Collections = append(r.Collections, *s.collections[name])
	}
	r.Sessions, _ = s.judge(adopted)
	return r
}

// Adoptable returns the sessions that can be taken over, in the order of their IDs.
func (s *Survey) Adoptable(adopted map[string]bool) []Session {
	_, list := s.judge(adopted)
	slices.SortFunc(list, func(a, b Session) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (s *Survey) clientCounts() Clients {
	out := Clients{Scopes: slices.SortedFunc(maps.Keys(s.scopes), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.scopes[b], s.scopes[a]), cmp.Compare(a, b))
	})}
	for _, c := range s.clients {
		out.Total++
		for _, count := range []struct {
			is bool
			of *int64
		}{{c.secret, &out.Secrets}, {c.document, &out.Documents}, {c.ours, &out.Ours}} {
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
	one := &Survey{
		Reader: r, collections: map[string]*Collection{row.Collection: {Opened: map[string]int64{}}}, clients: map[string]*client{},
		scopes: map[string]int64{}, sessions: map[string]*session{}, links: map[string]link{}, refresh: map[string]time.Time{},
	}
	one.add(row)
	c := one.collections[row.Collection]
	if c.Unreadable+c.Malformed+c.Refused+c.Expired > 0 {
		return nil, false
	}
	plaintext, _, err := r.Open(row.Value)
	return plaintext, err == nil
}
