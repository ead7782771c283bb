package stdio

import (
	"context"
	"encoding/json"
	"slices"
)

// further is a subscription to what only extensions know: a process without sessions is asked for
// it, and what it tells goes to one client's stream.
type further struct {
	answer chan message // the acknowledgment, or the response in its place
	notice func(message)
}

// knownFilter are the members of a filter that mcpkeep serves by itself.
var knownFilter = []string{"toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions"}

// listenFurther asks a process without sessions for the members of a filter that only it knows. It
// returns those that the process acknowledges, or its error.
func (c *conn) listenFurther(ctx context.Context, m modernRequest, notice func(message)) (id json.RawMessage, allowed object, _ error) {
	x, filter := c.sessionless.Load(), m.params.child("notifications").without(knownFilter...)
	if x == nil || len(filter) == 0 || c.up.Mode == Shared {
		return nil, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.up.Start)
	defer cancel()
	f := &further{answer: make(chan message, 1), notice: notice}
	s, request := x.listenFurther(m, filter, f)
	err := c.put(ctx, request)
	var answer message
	if err == nil {
		select {
		case answer = <-f.answer:
		case <-c.done:
			err = c.overError()
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	switch {
	case err != nil:
		c.endFurther(s.id)
		return nil, nil, err
	case answer.get("error") != nil:
		return nil, nil, &handshakeError{answer}
	}
	for _, one := range answer.params().child("notifications") {
		if !slices.Contains(knownFilter, one.name) {
			allowed = append(allowed, one)
		}
	}
	return s.id, allowed, nil
}

func (x *sessionless) listenFurther(m modernRequest, filter object, f *further) (*subscription, message) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s, request := x.listenTo("", filter)
	s.further = f
	params := request.params()
	return s, request.withParams(params.with("_meta", params.child("_meta").with(metaCan, m.can.raw()).raw()))
}

// endFurther ends such a subscription.
func (c *conn) endFurther(id json.RawMessage) {
	x := c.sessionless.Load()
	if x == nil || id == nil {
		return
	}
	x.mu.Lock()
	var out []message
	if s := x.listens[string(id)]; s != nil {
		out = x.end(s)
	}
	x.mu.Unlock()
	for _, m := range out {
		c.putLater(m)
	}
}

// reply hands on the first answer of the process; later ones mean nothing.
func (f *further) reply(m message) {
	select {
	case f.answer <- m:
	default:
	}
}
