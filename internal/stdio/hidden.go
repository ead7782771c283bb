package stdio

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// hidden returns the session at an older server that requests with these capabilities share.
// Clients know nothing of it.
func (u *Upstream) hidden(ctx context.Context, p principal.Principal, m modernRequest) (*session, error) {
	sum := sha256.Sum256(m.can.raw())
	handshake := object{
		{"protocolVersion", quoted(newest)}, {"capabilities", m.can.raw()}, {"clientInfo", m.clientInfo()},
	}.raw()
	for first := true; ; first = false {
		c, err := u.open(ctx, p, handshake, hex.EncodeToString(sum[:]))
		if err != nil {
			return nil, err
		}
		s, err := u.hiddenAt(c, p)
		if err == nil || !first {
			return s, err
		}
	}
}

func (m modernRequest) clientInfo() json.RawMessage {
	if info := m.meta.child(metaClient); info != nil {
		return info.raw()
	}
	return object{{"name", quoted("unknown")}, {"version", quoted("0")}}.raw()
}

// hiddenAt returns the hidden session of a user and client at a process.
func (u *Upstream) hiddenAt(c *conn, p principal.Principal) (*session, error) {
	key := userAndClient(p)
	c.mu.Lock()
	s := c.hidden[key]
	c.mu.Unlock()
	if s == nil {
		s = newSession(c, p)
		s.version, s.isHidden = newest, true
		if err := u.admitHidden(s, key); err != nil {
			return nil, err
		}
		c.mu.Lock()
		s = c.hidden[key]
		c.mu.Unlock()
	}
	if s == nil {
		return nil, c.overError()
	}
	s.touch(p)
	if c.up.Mode != Shared && c.start() {
		return s, c.send(context.Background(), newRequest(nil, "notifications/initialized", nil))
	}
	return s, nil
}

// admitHidden makes a session known, unless another request did.
func (u *Upstream) admitHidden(s *session, key string) error {
	s.conn.mu.Lock()
	if s.conn.hidden[key] != nil {
		s.conn.mu.Unlock()
		return nil
	}
	if s.conn.hidden == nil {
		s.conn.hidden = map[string]*session{}
	}
	s.conn.hidden[key] = s
	s.conn.mu.Unlock()
	return u.admit(s)
}
