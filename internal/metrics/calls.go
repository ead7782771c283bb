package metrics

import (
	"fmt"
	"strings"
	"sync"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
)

// Bounds of what upstreams and tools add: beyond them is "other".
const (
	// MaxUpstreams is how many upstreams have series of their own: 13 each, and up to two gauges.
	MaxUpstreams = 20
	// MaxTools is how many tools of all upstreams together have series of their own: 4 each.
	MaxTools = 50
	// maxToolName bounds the name of a tool that has series of its own.
	maxToolName = 64
)

// calls counts calls of tools.
type calls struct {
	set *vm.Set

	mu        sync.RWMutex
	upstreams map[string]*upstreamCalls
	tools     map[toolKey]map[string]*vm.Counter
	named     int // tools that are not "other"
}

type toolKey struct{ upstream, tool string }

type upstreamCalls struct {
	name     string
	outcomes map[string]*vm.Counter
	took     *vm.PrometheusHistogram
}

// Call counts a call of a tool that ended. A tool has series of its own from its first
// successful call on, because clients may call any name, and only the upstream knows which
// exist. Until then, and once there are MaxTools, it is "other".
func (m *Metrics) Call(upstream, tool string, outcome Outcome, took time.Duration) {
	if m == nil {
		return
	}
	u, t := m.calls.find(upstream, tool)
	if u == nil || t == nil {
		u, t = m.calls.add(upstream, tool, outcome == OK)
	}
	inc(u.outcomes, outcome)
	inc(t, outcome)
	u.took.Update(took.Seconds())
}

func (c *calls) find(upstream, tool string) (*upstreamCalls, map[string]*vm.Counter) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.upstreams[upstream], c.tools[toolKey{upstream, tool}]
}

// add finds the series of a call, or creates them. exists says that the upstream has the tool.
func (c *calls) add(upstream, tool string, exists bool) (*upstreamCalls, map[string]*vm.Counter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.upstreams == nil {
		c.upstreams, c.tools = map[string]*upstreamCalls{}, map[toolKey]map[string]*vm.Counter{}
	}
	u := c.upstream(upstream)
	key := toolKey{u.name, tool}
	if t := c.tools[key]; t != nil {
		return u, t
	}
	if !exists || u.name == otherName || c.named >= MaxTools || !isToolName(tool) {
		key = toolKey{otherName, otherName}
	} else {
		c.named++
	}
	if c.tools[key] == nil {
		name := fmt.Sprintf("mcpkeep_tool_calls_total{upstream=%q,tool=%q}", key.upstream, key.tool)
		c.tools[key] = c.counters(name)
	}
	return u, c.tools[key]
}

// upstream finds the series of an upstream, or creates them while there are few.
func (c *calls) upstream(name string) *upstreamCalls {
	if _, known := c.upstreams[name]; !known && len(c.upstreams) >= MaxUpstreams {
		name = otherName
	}
	if c.upstreams[name] == nil {
		c.upstreams[name] = &upstreamCalls{
			name: name, outcomes: c.counters(withLabel("mcpkeep_upstream_calls_total", "upstream", name)),
			took: c.set.NewPrometheusHistogramExt(withLabel("mcpkeep_upstream_call_duration_seconds", "upstream", name), outsideBounds),
		}
	}
	return c.upstreams[name]
}

func (c *calls) counters(name string) map[string]*vm.Counter {
	return counters(&Metrics{set: c.set}, name, "outcome", callOutcomes)
}

// isToolName reports whether a name is one that MCP recommends (2025-11-25, tool names), and
// short.
func isToolName(name string) bool {
	return name != "" && len(name) <= maxToolName &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == ""
}
