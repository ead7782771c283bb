package stdio

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// maxPages bounds the pages of a list.
const maxPages = 100

// toolList is what a process says of its tools, or is about to say.
type toolList struct {
	done     chan struct{}
	mirrored map[string][]mirrored // by tool; set before done is closed
}

// checkParams compares the headers that repeat arguments with them. Only the process knows which
// headers those are, and it is asked when a call may need some. What it said before is
// asked for again before a call is refused: not every server tells when its tools change.
func (c *conn) checkParams(ctx context.Context, h http.Header, m modernRequest) error {
	arguments := m.params.get("arguments")
	if m.method != "tools/call" || !c.handshake.child("capabilities").has("tools") || !hasParams(h, arguments) {
		return nil
	}
	for {
		l, isNew := c.tools()
		select {
		case <-l.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := agrees(l.mirrored[m.params.text("name")], h, arguments)
		if err == nil || isNew {
			return err
		}
		c.forgetTools(l)
	}
}

// hasParams reports whether a call has arguments, or headers that repeat some.
func hasParams(h http.Header, arguments json.RawMessage) bool {
	if members, err := readMembers(arguments); err == nil && len(members) > 0 {
		return true
	}
	for name := range h {
		if strings.HasPrefix(name, paramPrefix) {
			return true
		}
	}
	return false
}

// tools returns what the process says of its tools, and whether it is asked just now.
func (c *conn) tools() (_ *toolList, isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listed != nil {
		return c.listed, false
	}
	c.listed = &toolList{done: make(chan struct{}), mirrored: map[string][]mirrored{}}
	go c.listTools(c.listed)
	return c.listed, true
}

// forgetTools has the process asked again, unless it is being asked since.
func (c *conn) forgetTools(old *toolList) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old == nil || c.listed == old {
		c.listed = nil
	}
}

// listTools asks the process for its tools. One that does not answer wants no headers.
func (c *conn) listTools(l *toolList) {
	defer close(l.done)
	ctx, cancel := context.WithTimeout(context.Background(), c.up.Start)
	defer cancel()
	params := object{}
	for range maxPages {
		answer, err := c.request(ctx, "tools/list", params.raw())
		if err != nil {
			return
		}
		result := answer.child("result")
		l.add(result.get("tools"))
		cursor := result.get("nextCursor")
		if len(cursor) == 0 || cursor[0] != '"' {
			return
		}
		params = object{{"cursor", cursor}}
	}
}

// add reads a page of the list.
func (l *toolList) add(page json.RawMessage) {
	var tools []json.RawMessage
	_ = json.Unmarshal(page, &tools)
	for _, raw := range tools {
		tool, _ := readMembers(raw)
		if list := mirroredIn(tool.get("inputSchema")); len(list) > 0 {
			l.mirrored[tool.text("name")] = list
		}
	}
}
