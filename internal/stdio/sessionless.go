package stdio

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// sessionless lets a process that speaks only the revision without sessions look like one of
// an older revision. It adds to each request what a handshake says, makes requests of the
// results that want input, and listens to what older servers tell by themselves.
type sessionless struct {
	can, info json.RawMessage // of the client, from its handshake
	logs      bool            // the process has log messages
	each      bool            // requests may say what their client can

	mu        sync.Mutex
	level     string                   // of the log messages that the client wants
	calls     map[string]*rounds       // those that may want input, by their ids at mcpkeep
	flying    map[string]*rounds       // those that the process is working on, by their ids there
	questions map[string]asked         // those that the client has, by their ids
	listens   map[string]*subscription // by the ids of their requests
	resources map[string]*subscription // those to a resource, by its URI
	last      int64                    // number of the newest id
}

// rounds is a call that the process may want input for.
type rounds struct {
	request   message // as mcpkeep sent it
	id        json.RawMessage
	number    int    // of the round
	open      int    // questions without an answer
	responses object // the answers
	state     json.RawMessage
}

// asked is a question that the client has.
type asked struct {
	call *rounds
	key  string
}

// crossing is what comes of a message that is translated.
type crossing struct {
	out   []message // to the process
	back  []message // to mcpkeep
	about int64     // the call that the requests in back are about
	// notice tells a client's stream; nil for nothing.
	notice func()
}

// discoverIn is how long a process may take to say that it knows no sessions, after it has
// refused the handshake.
const discoverIn = 5 * time.Second

// discover asks a process that refuses the handshake whether it knows no sessions, and
// translates for it then.
func (c *conn) discover(ctx context.Context, handshake json.RawMessage) bool {
	ctx, cancel := context.WithTimeout(ctx, discoverIn)
	defer cancel()
	greeting, _ := parseObject(handshake)
	x := &sessionless{
		can: json.RawMessage(`{}`), info: modernRequest{}.clientInfo(), calls: map[string]*rounds{}, flying: map[string]*rounds{},
		each: c.up.Mode != Shared, questions: map[string]asked{}, listens: map[string]*subscription{}, resources: map[string]*subscription{},
	}
	if can := greeting.child("capabilities"); can != nil {
		x.can = can.without("tasks").raw()
	}
	if info := greeting.child("clientInfo"); info != nil {
		x.info = info.raw()
	}
	answer, err := c.request(ctx, "server/discover", x.enveloped(newRequest(nil, "server/discover", nil)).get("params"))
	if err != nil {
		return false
	}
	result := answer.child("result")
	var versions []string
	_ = json.Unmarshal(result.get("supportedVersions"), &versions)
	if !slices.Contains(versions, stateless) {
		return false
	}
	c.handshake = handshakeOf(result, c.up.Name)
	capabilities := c.handshake.child("capabilities")
	x.logs = capabilities.has("logging")
	c.sessionless.Store(x)
	if listen := x.listenToLists(capabilities); listen != nil {
		return c.put(ctx, *listen) == nil
	}
	return true
}

// handshakeOf makes a result of initialize from one of server/discover.
func handshakeOf(result object, name string) object {
	capabilities, info := result.child("capabilities").without("tasks"), result.child("_meta").get(metaServer)
	if info == nil {
		info = result.get("serverInfo")
	}
	if info == nil {
		info = object{{"name", quoted(name)}, {"version", quoted("0")}}.raw()
	}
	handshake := object{{"protocolVersion", quoted(newest)}, {"capabilities", capabilities.raw()}, {"serverInfo", info}}
	if text := result.get("instructions"); text != nil {
		handshake = append(handshake, member{"instructions", text})
	}
	return handshake
}

// enveloped says with a request what a handshake used to. x.mu is held, or no one else has x.
func (x *sessionless) enveloped(m message) message {
	params := m.params()
	meta := params.child("_meta").with(metaVersion, quoted(stateless)).with(metaClient, x.info)
	if !x.each || !meta.has(metaCan) {
		meta = meta.with(metaCan, x.can)
	}
	if x.level != "" {
		meta = meta.with(metaLogLevel, quoted(x.level))
	}
	return m.withParams(params.with("_meta", meta.raw()))
}

// older takes from a response what older revisions have not. What extensions add stays: other types
// of results, and the time that a task lives.
func older(m message) message {
	if result, err := parseObject(m.get("result")); err == nil {
		result = result.without("cacheScope")
		if result.text("resultType") == "complete" {
			result = result.without("resultType")
		}
		if !result.has("taskId") {
			result = result.without("ttlMs")
		}
		if meta := result.child("_meta"); meta.has(metaServer) {
			if meta = meta.without(metaServer); len(meta) > 0 {
				result = result.with("_meta", meta.raw())
			} else {
				result = result.without("_meta")
			}
		}
		m.object = m.with("result", result.raw())
	}
	return m
}

// newID returns an id for a request of mcpkeep's own. x.mu is held.
func (x *sessionless) newID(kind string) json.RawMessage {
	x.last++
	return quoted(kind + string(integer(x.last)))
}
