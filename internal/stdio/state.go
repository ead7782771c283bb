package stdio

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// state is what the client returns with its answers: the process, the call and the round, and
// a code that only fits them, the user, the client and the request.
func (c *conn) state(one *call) string {
	where := fmt.Sprintf("%s.%d.%d", c.label, one.number, one.round.number)
	return where + "." + base64.RawURLEncoding.EncodeToString(c.seal(where, one.session.user, one.session.client, one.round.digest))
}

func (c *conn) seal(where, user, client string, digest [sha256.Size]byte) []byte {
	mac := hmac.New(sha256.New, c.secret)
	_, _ = mac.Write([]byte(strings.Join([]string{where, user, client, string(digest[:])}, "\x00")))
	return mac.Sum(nil)
}

func newSecret() []byte {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // never fails
	return secret
}

// stateOf finds the call that a state is about, and begins its next round.
func (u *Upstream) stateOf(p principal.Principal, m modernRequest, plain bool) (*resumed, error) {
	parts := strings.Split(m.params.text("requestState"), ".")
	const fields = 4
	if len(parts) != fields {
		return nil, errStateGone
	}
	seal, err := base64.RawURLEncoding.Strict().DecodeString(parts[3])
	c := u.labeled(parts[0])
	if err != nil || c == nil {
		return nil, errStateGone
	}
	where := strings.Join(parts[:3], ".")
	number, ok := number(json.RawMessage(parts[1]))
	if !ok || !hmac.Equal(seal, c.seal(where, p.User.ID, p.ClientID, m.digestOf())) {
		return nil, errStateGone
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.calls[number]
	if one == nil || one.round == nil || !one.round.told || strconv.Itoa(one.round.number) != parts[2] {
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
