package gateway

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// Sessions authenticates session ids, as keyring.Keyring does. Every replica has the same
// keys, so that a session needs no row and survives restarts.
type Sessions interface {
	MAC(place string, message []byte) ([]byte, error)
	VerifyMAC(place string, message, mac []byte) bool
}

const (
	sessionPlace = "gateway/session"
	tagLen       = 16 // bytes; no one guesses 128 bits
	// maxSessionID bounds an upstream's session id.
	maxSessionID = 1 << 10
)

var tagEncoding = base64.RawURLEncoding

// bind returns the session id for a client: the upstream's with a tag that only requests of
// the same user and client can use.
func (u *Upstream) bind(p principal.Principal, id string) (string, error) {
	mac, err := u.Sessions.MAC(sessionPlace, u.sessionMessage(p, id))
	if err != nil {
		return "", err
	}
	return id + "." + tagEncoding.EncodeToString(mac[:tagLen]), nil
}

// unbind returns the upstream's session id. It reports false for an id that was not given
// to this user and client.
func (u *Upstream) unbind(p principal.Principal, bound string) (string, bool) {
	i := strings.LastIndexByte(bound, '.')
	if i < 0 || len(bound) > maxSessionID+2*tagLen {
		return "", false
	}
	id := bound[:i]
	tag, err := tagEncoding.Strict().DecodeString(bound[i+1:])
	if err != nil || len(tag) != tagLen {
		return "", false
	}
	return id, u.Sessions.VerifyMAC(sessionPlace, u.sessionMessage(p, id), tag)
}

// sessionMessage is unambiguous: none of its parts but the last has a NUL.
func (u *Upstream) sessionMessage(p principal.Principal, id string) []byte {
	return []byte(strings.Join([]string{u.Name, p.User.ID, p.ClientID, id}, "\x00"))
}

// openSession replaces the session id of a request for the upstream by the upstream's own.
// It reports false for a foreign or malformed one.
func (u *Upstream) openSession(h http.Header, p principal.Principal) bool {
	values := h[sessionHeader]
	if len(values) == 0 {
		return true
	}
	if len(values) > 1 {
		return false
	}
	id, ok := u.unbind(p, values[0])
	if ok {
		h[sessionHeader] = []string{id}
	}
	return ok
}

// giveSession hands the upstream's session id to the client.
func (u *Upstream) giveSession(to, from http.Header, p principal.Principal) error {
	values := from[sessionHeader]
	if len(values) == 0 {
		return nil
	}
	if len(values) > 1 || values[0] == "" || len(values[0]) > maxSessionID {
		return ErrBroken
	}
	bound, err := u.bind(p, values[0])
	if err == nil {
		to[sessionHeader] = []string{bound}
	}
	return err
}
