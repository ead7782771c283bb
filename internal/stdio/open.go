package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/process"
)

// handshakeError is the error response of a process to initialize.
type handshakeError struct{ answer message }

func (*handshakeError) Error() string { return "the server refused the handshake" }

// open returns a process for a session, after its handshake: a new one, or one that exists.
func (u *Upstream) open(ctx context.Context, p principal.Principal, params json.RawMessage, more string) (*conn, error) {
	c, isNew, err := u.claim(p, more)
	if err != nil {
		return nil, err
	}
	if isNew {
		go u.startUp(context.WithoutCancel(ctx), c, p, params)
	}
	select {
	case <-c.ready:
	case <-ctx.Done():
		if c.key == "" {
			c.abandon()
		}
		return nil, ctx.Err()
	}
	if c.failure != nil {
		return nil, c.failure
	}
	return c, nil
}

// claim finds the process that a session shares, or makes room for a new one.
//
// more is what requests without a session have in common to share one that is hidden.
func (u *Upstream) claim(p principal.Principal, more string) (c *conn, isNew bool, err error) {
	key, user := "", p.User.ID
	switch u.Mode {
	case PerPerson:
		key = userAndClient(p)
	case Shared:
		key, user = "everyone", ""
	case PerSession:
		if more != "" {
			key = userAndClient(p) + "\x00" + more
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if c := u.conns[key]; c != nil {
		return c, false, nil
	}
	if u.gone {
		return nil, false, gateway.ErrNoSession
	}
	if b := u.backoffs[user]; b != nil {
		if wait := b.backoff.Wait(time.Now()); wait > 0 {
			return nil, false, &retryError{wait, errCrashes}
		}
	}
	release, wait, ok := u.limits.Acquire(user)
	if !ok {
		return nil, false, &retryError{wait, errBusy}
	}
	c = newConn(u, key, user, newLabel())
	c.release = release
	if key != "" {
		u.conns[key] = c
	}
	u.all[c] = struct{}{}
	u.processes.Add(1)
	u.watch()
	return c, true, nil
}

// userAndClient is a key for what belongs to both.
func userAndClient(p principal.Principal) string { return p.User.ID + "\x00" + p.ClientID }

// over forgets a process that is over: its sessions get 404, and new ones a new process.
func (u *Upstream) over(c *conn, cause error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if c.key != "" && u.conns[c.key] == c {
		delete(u.conns, c.key)
	}
	for id, s := range u.sessions {
		if s.conn == c {
			delete(u.sessions, id)
		}
	}
	if failed(cause) {
		u.traffic.Note(problemOf(cause))
		u.failed(c)
	}
}

// failed reports whether a process has ended by itself, or for its own fault.
func failed(cause error) bool {
	var refused *handshakeError
	return cause != nil && !errors.Is(cause, errStopped) && !errors.Is(cause, errSessionEnd) && !errors.As(cause, &refused)
}

// crashes are those of a user's processes.
type crashes struct {
	last    time.Time
	backoff process.Backoff
}

// crashLoop is the time between two crashes that makes the second the beginning of a loop.
const crashLoop = time.Minute

// failed delays the next process of a user, unless it is the first failure. u.mu is held.
func (u *Upstream) failed(c *conn) {
	const most = 10_000
	if len(u.backoffs) >= most {
		clear(u.backoffs)
	}
	now, b := time.Now(), u.backoffs[c.user]
	if b == nil {
		b = &crashes{}
		u.backoffs[c.user] = b
	}
	if now.Sub(b.last) < crashLoop {
		b.backoff.Failed(c.began, now)
	}
	b.last = now
}

// left makes room for another process, when nothing of one is left.
func (u *Upstream) left(c *conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.all, c)
	c.release()
	u.processes.Done()
}

// startUp starts a process and makes the handshake.
func (u *Upstream) startUp(ctx context.Context, c *conn, p principal.Principal, params json.RawMessage) {
	ctx, cancel := context.WithTimeout(ctx, u.Start)
	defer cancel()
	if u.Mode == Shared {
		p, params = principal.Principal{}, u.ownHandshake()
	}
	proc, err := u.Launch(ctx, p, c.label)
	if err != nil {
		c.failure = errors.Join(errNoStart, err)
		c.end(c.failure)
		close(c.ready)
		u.left(c)
		return
	}
	c.begin(proc)
	if c.failure = c.shake(ctx, params); !failed(c.failure) {
		u.traffic.Note(nil)
	}
	close(c.ready)
	if c.failure != nil {
		c.stop(c.failure)
	}
}

// shake makes the handshake.
func (c *conn) shake(ctx context.Context, params json.RawMessage) error {
	answer, err := c.request(ctx, "initialize", params)
	switch {
	case err != nil:
		return err
	case answer.get("error") != nil:
		if !c.discover(ctx, params) {
			return &handshakeError{answer}
		}
	default:
		if c.handshake, err = parseObject(answer.get("result")); err != nil {
			return gateway.ErrBroken
		}
	}
	if c.up.Mode == Shared && c.start() {
		return c.send(ctx, newRequest(nil, "notifications/initialized", nil))
	}
	return nil
}

// abandon ends a process whose client hung up before the handshake ended.
func (c *conn) abandon() {
	go func() {
		<-c.ready
		c.stop(errStopped)
	}()
}

// ownHandshake is what mcpkeep says of itself to a process that everyone shares: a client
// that can be asked nothing.
func (u *Upstream) ownHandshake() json.RawMessage {
	return object{
		{"protocolVersion", quoted(newest)}, {"capabilities", json.RawMessage(`{}`)},
		{"clientInfo", object{{"name", quoted("mcpkeep")}, {"version", quoted(u.Version)}}.raw()},
	}.raw()
}
