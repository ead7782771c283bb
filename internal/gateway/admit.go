package gateway

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
)

// stateless is the first revision of MCP without sessions, whose headers repeat the body.
const stateless = "2026-07-28"

var (
	errMediaType = &problem{http.StatusUnsupportedMediaType, CodeInvalidRequest, "The body is not application/json in UTF-8."}
	errMismatch  = &problem{http.StatusBadRequest, CodeHeaderMismatch, "The Mcp-Method or Mcp-Name header does not match the body."}
)

// asked is what the rules need to know of a request for its response.
type asked struct {
	filters bool // the response may have what the person may not use
	learns  bool // it is one to tools/list
}

// admit judges a request by its rules. What was judged is what is sent: the body was read to
// its end, as no server would read it differently, and the headers say nothing else.
func (u *Upstream) admit(r *http.Request, header http.Header, b *body, p principal.Principal) (a asked, _ error) {
	if !u.Rules.NeedsBody() {
		return a, nil
	}
	if r.Method != http.MethodPost {
		r.ContentLength = 0 // bodies of GET and DELETE mean nothing, so that none crosses
		return asked{filters: r.Method == http.MethodGet}, nil
	}
	if !isJSON(r.Header) {
		return a, errMediaType
	}
	content, err := b.whole(r.Context(), r.ContentLength)
	if err != nil {
		return a, err
	}
	messages, batch, err := rules.Parse(content)
	if err != nil {
		return a, problemOfRules(err)
	}
	r.ContentLength = int64(len(content))
	header["Content-Type"] = []string{"application/json"}
	delete(header, "Last-Event-Id") // resumes a stream, which is for GET
	if err := agree(header, messages, batch); err != nil {
		return a, err
	}
	for _, m := range messages {
		a.filters = a.filters || u.lists(m.Method, header)
		a.learns = a.learns || m.Method == "tools/list"
	}
	return a, u.judgeAll(r, header, p, messages, batch)
}

// isJSON reports whether a body is JSON in UTF-8 to everyone: some servers decode what the
// headers say, UTF-7 for instance.
func isJSON(h http.Header) bool {
	if len(h["Content-Type"]) != 1 || len(h["Content-Encoding"]) > 0 {
		return false
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, ok := params["charset"]
	return err == nil && kind == "application/json" && (!ok || strings.EqualFold(charset, "utf-8"))
}

func problemOfRules(err error) error {
	var refused *rules.Error
	if errors.As(err, &refused) {
		return &problem{http.StatusBadRequest, refused.Code, refused.Message}
	}
	return err
}

// lists reports whether the response to a method depends on the rules.
func (u *Upstream) lists(method string, header http.Header) bool {
	switch method {
	case "tools/list":
		return u.Rules.Covers(rules.Tool)
	case "prompts/list":
		return u.Rules.Covers(rules.Prompt)
	case "resources/list", "resources/templates/list":
		return u.Rules.Covers(rules.Resource)
	case "resources/read": // may say that everyone may have it
		return u.Rules.Covers(rules.Resource) && isStateless(header)
	case "subscriptions/listen":
		return true
	}
	return false
}

func isStateless(header http.Header) bool {
	version := header.Get("Mcp-Protocol-Version")
	return len(version) == len(stateless) && version >= stateless
}

// agree compares the headers that repeat the body with it. Where the revision demands that
// they agree, others are an error; before, they mean nothing and do not cross.
func agree(header http.Header, messages []rules.Message, batch bool) error {
	method, name := header["Mcp-Method"], header["Mcp-Name"]
	m := messages[0]
	named, hasName := m.Name()
	same := !batch && (len(method) == 0 || slices.Equal(method, []string{m.Method})) &&
		(len(name) == 0 || !hasName || len(name) == 1 && isText(name[0], named))
	if same {
		return nil
	}
	if isStateless(header) {
		return errMismatch
	}
	delete(header, "Mcp-Method")
	delete(header, "Mcp-Name")
	return nil
}

// isText reports whether a header value stands for a text.
func isText(value, text string) bool {
	decoded, ok := HeaderText(value)
	return ok && decoded == text
}
