package survey

import (
	"crypto/sha256"
	"time"
)

// There may be very many clients and sessions: what is kept of each is small, and has no
// pointer that the garbage collector would follow.

// name stands for the ID of a client or a session.
type name [16]byte

func nameOf(id string) name {
	sum := sha256.Sum256([]byte(id))
	return name(sum[:len(name{})])
}

// instant is a time in milliseconds, 0 for none.
type instant int64

func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return instant(t.UnixMilli())
}

func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(i))
}

// client is what a registration and the rows of its refresh tokens say.
type client struct {
	generation       generation
	registered       bool
	secret, document bool
	refreshable      bool    // a refresh token lives
	refreshUntil     instant // the one that lives longest; 0 for never
}

// session is what a sign-in and the mappings of its tokens say.
type session struct {
	client       name
	found        bool // otherwise there are mappings alone
	adopted      bool
	linked       bool // a token leads to it
	latest       bool // it has a member of FastMCP 4.2
	renewable    bool // it has a refresh token of the provider
	expires      instant
	refreshUntil instant // 0 if it does not say
	issued       instant // its newest token
}
