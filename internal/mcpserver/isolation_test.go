package mcpserver_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
)

const persons = 50

// TestPeopleAreIsolated: D4, C15. Fifty people concurrently, half of them in each era,
// over connections that they share: none ever sees or changes what is another's.
func TestPeopleAreIsolated(t *testing.T) {
	t.Parallel()
	e := serve(t)
	for i := range persons {
		e.addPerson(fmt.Sprintf("p%02d", i))
	}
	var wg sync.WaitGroup
	for i := range persons {
		me, neighbour := fmt.Sprintf("p%02d", i), fmt.Sprintf("p%02d", (i+1)%persons)
		c := e.client(me, eras[i%len(eras)])
		wg.Go(func() { e.live(c, me, neighbour) })
	}
	wg.Wait()
	if left := e.store.grantIDs(); len(left) != 4 {
		t.Errorf("each should have ended their own connection and no other; left are %v", left)
	}
}

var somebody = regexp.MustCompile(`p\d\d`)

// live uses every tool of a person, tries the neighbor's connection, and ends
// the own one last.
func (e *endpoint) live(c *client.Client, me, neighbour string) {
	for range 5 {
		e.mine(c, me, "whoami", nil, false)
		e.mine(c, me, "list_connections", nil, false)
		e.mine(c, me, "revoke_connection", map[string]any{"connection_id": "grant-" + neighbour}, true)
		if tools, err := c.ListTools(e.t.Context(), mcp.ListToolsRequest{}); err != nil || len(tools.Tools) != 3 {
			e.t.Errorf("%s: tools/list: %v %v", me, tools, err)
		}
	}
	e.mine(c, me, "revoke_connection", map[string]any{"connection_id": "grant-" + me}, false)
}

// mine calls a tool and checks that the answer is about no one else.
func (e *endpoint) mine(c *client.Client, me, tool string, arguments map[string]any, wantError bool) {
	request := mcp.CallToolRequest{Params: mcp.CallToolParams{Name: tool, Arguments: arguments}}
	result, err := c.CallTool(e.t.Context(), request)
	if err != nil {
		e.t.Errorf("%s: %s: %v", me, tool, err)
		return
	}
	answer := fmt.Sprint(result.StructuredContent, result.Content)
	for _, name := range somebody.FindAllString(answer, -1) {
		if name != me {
			e.t.Errorf("%s: %s: the answer is about %s: %s", me, tool, name, answer)
		}
	}
	if result.IsError != wantError || !wantError && !strings.Contains(answer, me) {
		e.t.Errorf("%s: %s: %s", me, tool, answer)
	}
}
