package stdio

import (
	"bytes"
	"crypto/rand"
	"encoding/json"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// States seals what a client returns with its answers, so that clients cannot read or change
// it, and every replica can open it.
type States interface {
	Seal(plaintext []byte) (string, error)
	Open(text string) (plaintext []byte, ok bool)
}

// state is what such a text says: the round of a call, and whom and what it is for.
type state struct {
	Label   string `json:"label"`   // of the process
	Process string `json:"process"` // which no other process has, also not one with the same label
	Call    int64  `json:"call"`
	Round   int    `json:"round"`
	User    string `json:"user"`
	Client  string `json:"client"`
	Digest  []byte `json:"digest"` // of what has to stay as it is
}

// newProcessID names a process in the states of its calls.
func newProcessID() string { return rand.Text() }

// stateText is the state of a call whose round has ended. c.mu is held.
func (c *conn) stateText(one *call) (string, error) {
	plaintext, err := json.Marshal(state{c.label, c.id, one.number, one.round.number, one.session.user, one.session.client, one.round.digest[:]})
	if err != nil {
		return "", err
	}
	return c.up.States.Seal(plaintext)
}

// stateOf finds the process that a state is from.
func (u *Upstream) stateOf(p principal.Principal, m modernRequest) (*conn, state, error) {
	plaintext, ok := u.States.Open(m.params.text("requestState"))
	var was state
	if !ok || json.Unmarshal(plaintext, &was) != nil {
		return nil, was, errStateGone
	}
	c, digest := u.labeled(was.Label), m.digestOf()
	if c == nil || was.Process != c.id || was.User != p.User.ID || was.Client != p.ClientID || !bytes.Equal(was.Digest, digest[:]) {
		return nil, was, errStateGone
	}
	return c, was, nil
}

// resume finds the call that a state is about, and begins its next round.
func (c *conn) resume(was state, m modernRequest, plain bool) (*resumed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.calls[was.Call]
	if one == nil || one.round == nil || !one.round.told || one.round.number != was.Round {
		return nil, errStateGone
	}
	return c.next(one, m, plain), nil
}

// resumed is a call whose next round has begun.
type resumed struct {
	*call
	at      *attachment
	answers []message // for the process
	told    []byte    // ends the round: questions that the client did not answer
	result  []byte    // ends the call
}

// next begins the next round of a call. The state is spent. c.mu is held.
func (c *conn) next(one *call, m modernRequest, plain bool) *resumed {
	s, next := one.session, &resumed{call: one}
	s.mu.Lock()
	one.stream = s.log.open(1, plain)
	next.at = one.stream.attach(s.log.last)
	s.mu.Unlock()
	one.round.told, one.id, one.round.request = false, m.id, m
	one.limit(c.up.Answer, one.tooSlow)
	if next.result = one.round.result; next.result != nil {
		delete(c.calls, one.number)
		return next
	}
	answers := m.params.child("inputResponses")
	var left []message
	for _, q := range one.round.open {
		if value := answers.get(keyOf(q)); value != nil {
			next.answers = append(next.answers, newResult(q.id, value))
		} else {
			left = append(left, q)
		}
	}
	if one.round.open = left; len(left) > 0 {
		next.told = c.tell(one)
	}
	return next
}

func (u *Upstream) labeled(label string) *conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.all {
		if c.label == label {
			return c
		}
	}
	return nil
}
