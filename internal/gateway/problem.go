package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/principal"
	"github.com/mcpkeep/mcpkeep/internal/rules"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// JSON-RPC error codes. Those from -32099 to -32000 are the implementation's (JSON-RPC 2.0 §5.1).
const (
	CodeParse          = rules.CodeParse
	CodeInvalidRequest = rules.CodeInvalidRequest
	CodeInvalidParams  = rules.CodeInvalidParams
	CodeServerError    = -32000
	CodeNoSession      = -32001 // what the SDKs send for an unknown session
	CodeHeaderMismatch = -32020 // MCP 2026-07-28
)

// Problem is an error that a client sees.
type Problem struct { //nolint:errname // it is a response as well
	status  int
	code    int
	message string
}

type problem = Problem

// NewProblem returns a problem with an HTTP status, a JSON-RPC error code, and a sentence that
// says nothing of the operator's network.
func NewProblem(status, code int, message string) *Problem { return &Problem{status, code, message} }

func (p *Problem) Error() string { return p.message }

// Status is the HTTP status.
func (p *Problem) Status() int { return p.status }

// Outcome is what the problem says of a call, in the audit trail.
func (p *Problem) Outcome() string { return outcomeOf(p.status) }

// Body returns the JSON-RPC error response to a request with a valid raw id. The reference
// is that of the log line; "" for none.
func (p *Problem) Body(id json.RawMessage, reference string) []byte {
	answer := rpcError{Version: "2.0", ID: id}
	answer.Error.Code, answer.Error.Message = p.code, p.message
	if reference != "" {
		answer.Error.Message += " Reference: " + reference + "."
		answer.Error.Data = map[string]string{"reference": reference}
	}
	content, err := json.Marshal(answer)
	if err != nil {
		panic(err) // the id was checked
	}
	return content
}

// Write answers a request with an error. A positive retry becomes Retry-After, in seconds.
func (p *Problem) Write(w http.ResponseWriter, id json.RawMessage, reference string, retry int) {
	content := p.Body(id, reference)
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retry))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(p.status)
	_, _ = w.Write(content)
}

var (
	errUnreachable = &problem{http.StatusBadGateway, CodeServerError, "The MCP server behind this address cannot be reached."}
	errRefused     = &problem{http.StatusBadGateway, CodeServerError, "The MCP server behind this address refused the gateway's own access. The operator needs to fix this."}
	errFailed      = &problem{http.StatusBadGateway, CodeServerError, "The MCP server behind this address failed."}
	errNotSigned   = &problem{http.StatusServiceUnavailable, CodeServerError, "This server cannot confirm who calls at the moment. Try again soon."}
)

// Problems of every kind of upstream.
var (
	ErrBroken     = &problem{http.StatusBadGateway, CodeServerError, "The MCP server behind this address sent a response that is not valid."}
	ErrTooSlow    = &problem{http.StatusGatewayTimeout, CodeServerError, "The MCP server behind this address did not respond in time."}
	ErrTooLarge   = &problem{http.StatusRequestEntityTooLarge, CodeInvalidRequest, "The request is too large."}
	ErrTooMany    = &problem{http.StatusTooManyRequests, CodeServerError, "Too many of your calls are running. Try again when one has finished."}
	ErrNoSession  = &problem{http.StatusNotFound, CodeNoSession, "Session not found. Start a new one with an initialize request."}
	ErrMethod     = &problem{http.StatusMethodNotAllowed, CodeInvalidRequest, "The method is not allowed."}
	ErrIncomplete = &problem{http.StatusBadRequest, CodeInvalidRequest, "The request body ended early."}
)

// problemOf says what a failed exchange means to the client. Nothing of the error itself
// crosses: it names hosts of the operator's network.
func problemOf(err error) *problem {
	var known *problem
	var tooLarge *http.MaxBytesError
	var network net.Error
	var operation *net.OpError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &tooLarge):
		return ErrTooLarge
	case errors.As(err, &operation) && operation.Op == "dial":
		return errUnreachable
	case errors.As(err, &network) && network.Timeout():
		return ErrTooSlow
	}
	return errUnreachable
}

// rpcError is a JSON-RPC 2.0 response (§5.1).
type rpcError struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Error   struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	} `json:"error"`
}

// fail answers a request that got no response from the upstream.
func (u *Upstream) fail(w http.ResponseWriter, r *http.Request, b *body, err error) {
	ctx := r.Context()
	switch cause := context.Cause(ctx); {
	case cause == nil:
	case errors.Is(cause, errGone):
		err = ErrNoSession
	default:
		return // the client hung up, or its access ended, to which the caller responds
	}
	p := problemOf(err)
	b.ended = outcomeOf(p.status)
	reference := storage.ReferenceOf(ctx)
	if p.status >= http.StatusInternalServerError {
		u.Logger.WarnContext(ctx, "upstream failed", "upstream", u.Name, logging.Status, p.status, logging.Error, err)
	}
	retry := 0
	switch p.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		retry = retryAfter(err)
	case http.StatusUnauthorized:
		if caller, ok := principal.FromContext(ctx); ok {
			w.Header().Set("WWW-Authenticate", u.Lend.SignIn(caller))
		}
	}
	delete(w.Header(), sessionHeader) // of a session that the client never began
	p.Write(w, json.RawMessage(b.requestID()), reference, retry)
}
