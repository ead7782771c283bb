package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mcpkeep/mcpkeep/internal/audit"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
)

// refusal is what a request gets that the rules do not let through.
type refusal struct {
	status    int
	challenge string // of a 403
	answers   []any  // one for each request
	batch     bool
}

func (*refusal) Error() string { return "refused by a rule" }

// judgeAll judges messages one by one. A batch is sent on when none of it is refused: a part
// of it would be another request than the client sent. The error is nil or a *refusal, or says
// that the upstream could not be asked.
func (u *Upstream) judgeAll(r *http.Request, header http.Header, p principal.Principal, messages []rules.Message, batch bool) error {
	worst := rules.Allowed
	var refused refusal
	for _, m := range messages {
		target, verdict, err := u.judgeOne(r, header, p, m)
		if err != nil {
			return err
		}
		worst = max(worst, verdict.Outcome)
		var answer any = errorTo(m.ID, CodeInvalidRequest, "The batch was not sent on: another request of it is refused.", nil)
		switch verdict.Outcome {
		case rules.Denied:
			answer = notFound(m, target, header)
		case rules.NeedsScope:
			refused.challenge = u.Challenge(p, verdict.Scope)
			answer = askForMore(m, verdict.Scope, refused.challenge, header)
		default:
		}
		if m.ID != nil {
			refused.answers = append(refused.answers, answer)
		}
	}
	switch worst {
	case rules.Allowed:
		return nil
	case rules.NeedsScope:
		refused.status = http.StatusForbidden
	default:
		refused.status, refused.challenge = http.StatusOK, ""
	}
	refused.batch = batch
	u.Logger.InfoContext(r.Context(), "refused by a rule", "upstream", u.Name, "missing_scope", worst == rules.NeedsScope)
	return &refused
}

// judgeOne returns the verdict on a message, and what it is about: the worst of its targets.
func (u *Upstream) judgeOne(r *http.Request, header http.Header, p principal.Principal, m rules.Message) (at rules.Target, worst rules.Verdict, _ error) {
	for _, target := range m.Targets {
		v := u.Rules.Decide(p, target.Kind, target.Name, u.hints.For(p))
		if v.Outcome == rules.Unknown {
			if err := u.learn(r, header, p, m.Meta); err != nil {
				return at, v, err
			}
			if v = u.Rules.Decide(p, target.Kind, target.Name, u.hints.For(p)); v.Outcome == rules.Unknown {
				v.Outcome = rules.Denied // the upstream does not have it
			}
		}
		if v.Outcome > worst.Outcome {
			at, worst = target, v
		}
	}
	return at, worst, nil
}

// refuse answers a request that is not sent on.
func (u *Upstream) refuse(w http.ResponseWriter, r *http.Request, b *body, err error) {
	var refused *refusal
	if !errors.As(err, &refused) {
		u.fail(w, r, b, err)
		return
	}
	b.ended = audit.Error
	if refused.challenge != "" {
		w.Header().Set("WWW-Authenticate", refused.challenge)
	}
	var document any = refused.answers
	switch {
	case len(refused.answers) == 0 && refused.status == http.StatusOK: // notifications have no answer
		w.WriteHeader(http.StatusAccepted)
		return
	case len(refused.answers) == 0:
		document = errorTo(nil, CodeInvalidRequest, "A further scope is required.", nil)
	case !refused.batch:
		document = refused.answers[0]
	}
	content, err := json.Marshal(document)
	if err != nil {
		panic(err) // the ids were checked
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(refused.status)
	_, _ = w.Write(content)
}

// errorTo is a JSON-RPC error for a request.
func errorTo(id []byte, code int, message string, data any) rpcError {
	e := rpcError{Version: "2.0", ID: unknownIDRaw}
	if id != nil {
		e.ID = id
	}
	e.Error.Code, e.Error.Message, e.Error.Data = code, message, data
	return e
}

var unknownIDRaw = json.RawMessage(unknownID)

// notFound is what servers answer for a name that does not exist (MCP, error handling of
// tools, prompts and resources).
func notFound(m rules.Message, target rules.Target, header http.Header) rpcError {
	switch target.Kind {
	case rules.Prompt:
		return errorTo(m.ID, rules.CodeInvalidParams, "Unknown prompt: "+target.Name, nil)
	case rules.Resource:
		code := rules.CodeNotFound
		if isStateless(header) {
			code = rules.CodeInvalidParams
		}
		return errorTo(m.ID, code, "Resource not found", map[string]string{"uri": target.Name})
	default:
		return errorTo(m.ID, rules.CodeInvalidParams, "Unknown tool: "+target.Name, nil)
	}
}

// askForMore is the body of a 403. Some clients react to the challenge in the result of
// a call (ChatGPT: _meta["mcp/www_authenticate"]).
func askForMore(m rules.Message, scope, challenge string, header http.Header) any {
	text := "This requires a scope that the app does not have (" + scope +
		"). Connect the app again and approve that scope; apps that support step-up ask for it automatically."
	if m.Method != "tools/call" {
		return errorTo(m.ID, CodeServerError, text, nil)
	}
	result := map[string]any{
		"content": []any{map[string]string{"type": "text", "text": text}}, "isError": true,
		"_meta": map[string]any{"mcp/www_authenticate": []string{challenge}},
	}
	if isStateless(header) {
		result["resultType"] = "complete"
	}
	return map[string]any{"jsonrpc": "2.0", "id": json.RawMessage(m.ID), "result": result}
}

// HeaderText decodes a header value that stands for any text (MCP 2026-07-28, "Value Encoding").
// It reports false when the text cannot be decoded.
func HeaderText(value string) (text string, ok bool) {
	const prefix, suffix = "=?base64?", "?="
	encoded, ok := strings.CutPrefix(value, prefix)
	if ok {
		encoded, ok = strings.CutSuffix(encoded, suffix)
	}
	if !ok {
		return value, true
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return string(decoded), err == nil && utf8.Valid(decoded) && !strings.ContainsAny(encoded, "\r\n")
}
