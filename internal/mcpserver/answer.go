package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"
)

// answer is the HTTP answer to one message. What runs on behalf of the message may
// change its status, which mcp-go decides by itself.
//
// It has no http.Flusher: every answer is a single JSON document.
type answer struct {
	http.ResponseWriter
	challenge string // makes it a 403, when the token's scope was not enough
	refused   []byte // the document of a 404, when there is no such method
	began     bool
}

// WriteHeader writes the status, or another one.
func (a *answer) WriteHeader(status int) {
	a.began = true
	switch {
	case a.refused != nil:
		a.Header().Set("Content-Type", "application/json")
		status = http.StatusNotFound
	case a.challenge != "":
		a.Header().Set("WWW-Authenticate", a.challenge)
		status = http.StatusForbidden
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write writes the document, or another one in its place.
func (a *answer) Write(b []byte) (int, error) {
	if !a.began {
		a.WriteHeader(http.StatusOK)
	}
	if a.refused == nil {
		return a.ResponseWriter.Write(b)
	}
	_, err := a.ResponseWriter.Write(a.refused)
	a.refused = []byte{} // once
	return len(b), err
}

type answerKey struct{}

func withAnswer(ctx context.Context, a *answer) context.Context {
	return context.WithValue(ctx, answerKey{}, a)
}

// answerOf is the answer to the message that is being worked on, nil without HTTP.
func answerOf(ctx context.Context) *answer {
	a, _ := ctx.Value(answerKey{}).(*answer)
	return a
}

// refuseToListen is a hook that refuses subscriptions/listen. A server whose lists
// never change has nothing to subscribe to, and its method does not exist then
// (2026-07-28, basic, transports); mcp-go serves it all the same, and without a
// stream it would say that all is done.
func refuseToListen(ctx context.Context, id any, _ *mcp.SubscriptionsListenRequest) {
	a := answerOf(ctx)
	if a == nil {
		return
	}
	document, err := json.Marshal(mcp.NewJSONRPCError(mcp.NewRequestId(id), mcp.METHOD_NOT_FOUND,
		fmt.Sprintf("method %s not found", mcp.MethodSubscriptionsListen), nil))
	if err == nil { // an id that was read can be written
		a.refused = document
	}
}
