package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/gateway"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// JSON-RPC error codes.
const (
	codeParse          = gateway.CodeParse
	codeInvalidRequest = gateway.CodeInvalidRequest
	codeNoMethod       = -32601
	codeServerError    = gateway.CodeServerError
)

var (
	errNeedsID    = gateway.NewProblem(http.StatusBadRequest, codeInvalidRequest, "The header Mcp-Session-Id is missing.")
	errHasSession = gateway.NewProblem(http.StatusBadRequest, codeInvalidRequest, "The session is initialized already.")
	errMediaType  = gateway.NewProblem(http.StatusUnsupportedMediaType, codeInvalidRequest, "The Content-Type has to be application/json.")
	errAccept     = gateway.NewProblem(http.StatusNotAcceptable, codeInvalidRequest, "The client has to accept application/json or text/event-stream.")
	errParse      = gateway.NewProblem(http.StatusBadRequest, codeParse, "The request is not JSON in UTF-8.")
	errInvalid    = gateway.NewProblem(http.StatusBadRequest, codeInvalidRequest, "The request is not a JSON-RPC message.")
	errInitBatch  = gateway.NewProblem(http.StatusBadRequest, codeInvalidRequest, "An initialize request comes alone.")
	errEventID    = gateway.NewProblem(http.StatusBadRequest, codeInvalidRequest, "These events are no longer kept.")
	errVersion    = gateway.NewProblem(http.StatusBadRequest, codeInvalidRequest, "The revision in the header MCP-Protocol-Version is not supported.")
	errBusy       = gateway.NewProblem(http.StatusServiceUnavailable, codeServerError, "Too many sessions of this MCP server are open. Close one, or try again later.")
	errCrashes    = gateway.NewProblem(http.StatusServiceUnavailable, codeServerError, "The MCP server behind this address keeps failing. Try again later.")
	errNoStart    = gateway.NewProblem(http.StatusBadGateway, codeServerError, "The MCP server behind this address cannot be started.")
	errTooSlow    = gateway.NewProblem(http.StatusGatewayTimeout, codeServerError, "The MCP server behind this address did not start in time.")
	errProcess    = gateway.NewProblem(http.StatusBadGateway, codeServerError, "The process of the MCP server behind this address has ended. Start a new session.")
	errHuge       = gateway.NewProblem(http.StatusBadGateway, codeServerError, "The MCP server behind this address sent a message that is too large.")

	errUnasked    = errors.New("a response to no request")
	errSessionEnd = errors.New("the session has ended")
)

// retryError is a problem that passes.
type retryError struct {
	after time.Duration
	*gateway.Problem
}

func (e *retryError) Unwrap() error { return e.Problem }

// problemOf says what went wrong to a client. Nothing of the error itself crosses.
func problemOf(err error) *gateway.Problem {
	var known *gateway.Problem
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errLongLine):
		return errHuge
	case errors.Is(err, errStopped) || errors.Is(err, errSessionEnd):
		return gateway.ErrNoSession
	case errors.Is(err, context.DeadlineExceeded):
		return errTooSlow
	case errors.Is(err, errExited):
		return errProcess
	}
	return errNoStart
}

// fail answers a request with an error.
func (u *Upstream) fail(w http.ResponseWriter, r *http.Request, id json.RawMessage, err error) {
	p := problemOf(err)
	retry := 0
	var later *retryError
	switch {
	case errors.As(err, &later):
		retry = max(1, int(math.Ceil(later.after.Seconds())))
	case p.Status() == http.StatusTooManyRequests:
		retry = 1
	}
	if p.Status() >= http.StatusInternalServerError {
		u.Logger.WarnContext(r.Context(), "upstream failed", "upstream", u.Name, "status", p.Status(), "error", err)
	}
	if id == nil {
		id = json.RawMessage("null")
	}
	p.Write(w, id, storage.ReferenceOf(r.Context()), retry)
}
