package stdio

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// The revision without sessions, in which each request says what a handshake used to.
const (
	stateless    = "2026-07-28"
	metaPrefix   = "io.modelcontextprotocol/"
	metaVersion  = metaPrefix + "protocolVersion"
	metaClient   = metaPrefix + "clientInfo"
	metaCan      = metaPrefix + "clientCapabilities"
	metaServer   = metaPrefix + "serverInfo"
	metaLogLevel = metaPrefix + "logLevel"
	metaListener = metaPrefix + "subscriptionId"
)

const (
	codeParams  = gateway.CodeInvalidParams
	codeHeader  = gateway.CodeHeaderMismatch
	codeVersion = -32022
)

var (
	errHeader     = gateway.NewProblem(http.StatusBadRequest, codeHeader, "The headers MCP-Protocol-Version, Mcp-Method and Mcp-Name have to say what the request says.")
	errCan        = gateway.NewProblem(http.StatusBadRequest, codeParams, "The request does not state the capabilities of the client.")
	errNoMethod   = gateway.NewProblem(http.StatusNotFound, codeNoMethod, "Method not found.")
	errStateGone  = gateway.NewProblem(http.StatusBadRequest, codeParams, "The request state is not valid, or no longer. Start the request again.")
	errOneRequest = gateway.NewProblem(http.StatusBadRequest, codeInvalidRequest, "A request of this revision comes alone, and there are no responses.")
)

// isModern reports whether a message belongs to the revision without sessions: its header or its
// _meta says so.
func isModern(h http.Header, list []message) bool {
	if version := h.Get(versionHeader); version > newest && len(version) == len(newest) {
		return true
	}
	return len(list) == 1 && list[0].isRequest() && list[0].params().child("_meta").get(metaVersion) != nil
}

// modernRequest is a request of that revision.
type modernRequest struct {
	message
	params object
	meta   object
	can    object // the client's capabilities
	level  string // of the log messages that the client wants; "" for none
}

// modern serves a message of the revision without sessions.
func (u *Upstream) modern(w http.ResponseWriter, r *http.Request, p principal.Principal, list []message, takes forms) {
	if len(list) != 1 || list[0].isResponse() {
		u.fail(w, r, nil, errOneRequest)
		return
	}
	if list[0].isNotification() {
		w.WriteHeader(http.StatusAccepted) // the revision has none that a server needs
		return
	}
	m, err := readModern(list[0])
	if version := m.meta.text(metaVersion); err == nil && version != stateless {
		u.unsupported(w, m.id, version)
		return
	}
	if err == nil {
		err = m.checkHeaders(r.Header)
	}
	if err != nil {
		u.fail(w, r, m.id, err)
		return
	}
	switch m.method {
	case "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe":
		u.fail(w, r, m.id, errNoMethod)
		return
	}
	if u.refusal(m.message) != "" {
		u.fail(w, r, m.id, errNoMethod)
		return
	}
	if m.params.get("requestState") != nil {
		u.resumeCall(w, r, p, m, takes)
		return
	}
	s, err := u.hidden(r.Context(), p, m)
	if err == nil {
		err = s.conn.checkParams(r.Context(), r.Header, m)
	}
	var refused *handshakeError
	switch {
	case errors.As(err, &refused):
		write(w, refused.answer.withID(m.id).raw(), forms{json: true})
	case r.Context().Err() != nil:
	case err != nil:
		u.fail(w, r, m.id, err)
	case m.method == "server/discover":
		write(w, newResult(m.id, s.conn.discovery()).raw(), forms{json: true})
	case m.method == "subscriptions/listen":
		u.listen(w, r, s, m)
	default:
		u.callModern(w, r, s, m, takes)
	}
}

func readModern(m message) (modernRequest, error) {
	read := modernRequest{message: m, params: m.params()}
	read.meta = read.params.child("_meta")
	read.level = read.meta.text(metaLogLevel)
	var err error
	if read.can, err = parseObject(read.meta.get(metaCan)); err != nil {
		return read, errCan
	}
	return read, nil
}

// unsupported names the revisions that there are.
func (u *Upstream) unsupported(w http.ResponseWriter, id json.RawMessage, version string) {
	data := object{{"supported", supported()}, {"requested", quoted(version)}}
	e := object{{"code", integer(codeVersion)}, {"message", quoted("Unsupported protocol version")}, {"data", data.raw()}}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(object{{"jsonrpc", quoted("2.0")}, {"id", id}, {"error", e.raw()}}.raw())
}

// supported lists the revisions that there are, the newest first.
func supported() json.RawMessage {
	list := append(slices.Clone(revisions), stateless)
	slices.Reverse(list)
	return quotedList(list)
}

// checkHeaders compares the headers with the message (2026-07-28, server validation).
func (m modernRequest) checkHeaders(h http.Header) error {
	want := map[string]string{versionHeader: stateless, "Mcp-Method": m.method}
	switch m.method {
	case "tasks/get", "tasks/update", "tasks/cancel": // of an extension; not every client sends it
		if len(h["Mcp-Name"]) > 0 {
			want["Mcp-Name"] = m.params.text("taskId")
		}
	case "tools/call", "prompts/get":
		want["Mcp-Name"] = m.params.text("name")
	case "resources/read":
		want["Mcp-Name"] = m.params.text("uri")
	}
	for name, value := range want {
		if len(h[name]) != 1 {
			return errHeader
		}
		if text, ok := gateway.HeaderText(h[name][0]); !ok || text != value {
			return errHeader
		}
	}
	return nil
}

// discovery is the result of server/discover.
func (c *conn) discovery() json.RawMessage {
	greeting := c.greeting(newest)
	result := object{
		{"supportedVersions", supported()}, {"capabilities", greeting.child("capabilities").without("tasks").raw()},
	}
	if text := greeting.get("instructions"); text != nil {
		result = append(result, member{"instructions", text})
	}
	return c.complete("server/discover", result)
}

// cached are the methods whose results say how long they may be kept.
var cached = []string{"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"}

// complete adds what results of the revision have, and those of older ones have not.
func (c *conn) complete(method string, result object) json.RawMessage {
	if !result.has("resultType") {
		result = append(result, member{"resultType", quoted("complete")})
	}
	if slices.Contains(cached, method) {
		if !result.has("ttlMs") {
			result = append(result, member{"ttlMs", integer(0)})
		}
		result = result.with("cacheScope", quoted("private"))
	}
	if info := c.handshake.get("serverInfo"); info != nil {
		result = result.with("_meta", result.child("_meta").with(metaServer, info).raw())
	}
	return result.raw()
}
