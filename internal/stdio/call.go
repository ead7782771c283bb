package stdio

import (
	"context"
	"encoding/json"
	"time"
)

// register adds a call and returns its number. It fails when the process is over.
func (c *conn) register(one *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return c.over
	}
	c.last++
	one.number = c.last
	c.calls[one.number] = one
	if one.session != nil {
		one.limit(c.up.Answer, one.tooSlow)
	}
	c.used = time.Now()
	return nil
}

// take removes a call. It returns nil when there is none of that number.
func (c *conn) take(number int64) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.calls[number]
	delete(c.calls, number)
	c.used = time.Now()
	return one
}

// request sends a request of mcpkeep's own and returns the response.
func (c *conn) request(ctx context.Context, method string, params json.RawMessage) (message, error) {
	one := &call{reply: make(chan message, 1), method: method}
	if err := c.register(one); err != nil {
		return message{}, err
	}
	defer c.take(one.number)
	if err := c.send(ctx, newRequest(integer(one.number), method, params)); err != nil {
		return message{}, err
	}
	select {
	case m := <-one.reply:
		return m, nil
	case <-c.done:
		return message{}, c.overError()
	case <-ctx.Done():
		return message{}, ctx.Err()
	}
}
