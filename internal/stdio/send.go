package stdio

import "context"

// send hands a message to the process. It waits while the process reads nothing.
func (c *conn) send(ctx context.Context, m message) error {
	x := c.sessionless.Load()
	if x == nil {
		return c.put(ctx, m)
	}
	crossed := x.outgoing(m)
	for _, m := range crossed.out {
		if err := c.put(ctx, m); err != nil {
			return err
		}
	}
	for _, m := range crossed.back {
		c.accept(m.raw(), m)
	}
	return nil
}

func (c *conn) put(ctx context.Context, m message) error {
	line := append(m.raw(), '\n')
	select {
	case c.out <- line:
		return nil
	case <-c.done:
		return c.overError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer sends a message that no one waits for. A process that does not read does not get it.
func (c *conn) answer(m message) {
	x := c.sessionless.Load()
	if x == nil {
		c.putLater(m)
		return
	}
	crossed := x.outgoing(m)
	for _, m := range crossed.out {
		c.putLater(m)
	}
	if len(crossed.back) > 0 {
		go func() { // the caller may hold the mutex
			for _, m := range crossed.back {
				c.accept(m.raw(), m)
			}
		}()
	}
}

func (c *conn) putLater(m message) {
	select {
	case c.out <- append(m.raw(), '\n'):
	default:
		go func() { _ = c.put(context.Background(), m) }()
	}
}

// settleCrossing hands on what comes of a message of a process without sessions.
func (c *conn) settleCrossing(crossed crossing) {
	if crossed.notice != nil {
		crossed.notice()
	}
	for _, m := range crossed.out {
		c.putLater(m)
	}
	for _, m := range crossed.back {
		if !m.isRequest() || crossed.about == 0 {
			c.accept(m.raw(), m)
			continue
		}
		c.mu.Lock()
		one := c.calls[crossed.about]
		c.mu.Unlock()
		if one == nil || one.session == nil {
			c.answer(newError(m.id, codeNoMethod, "The call has ended."))
			continue
		}
		c.askOf(one.session, one.session.choose(one.stream, 1), one.number, m)
	}
}
