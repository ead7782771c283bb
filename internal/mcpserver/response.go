package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"
)

// response is the HTTP response to one message. What runs on behalf of the message may
// change its status, which mcp-go decides by itself.
//
// It has no http.Flusher: every answer is a single JSON document.
type response struct {
	http.ResponseWriter
	challenge string // makes it a 403, when the token's scope was not enough
	refused   []byte // the document of a 404, when there is no such method
	id        exactID
	began     bool
}

// WriteHeader writes the status, or another one.
func (a *response) WriteHeader(status int) {
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
func (a *response) Write(b []byte) (int, error) {
	if !a.began {
		a.WriteHeader(http.StatusOK)
	}
	document := b
	if a.refused != nil {
		document, a.refused = a.refused, []byte{} // once
	}
	_, err := a.ResponseWriter.Write(a.id.restore(document)) // mcp-go writes a document whole
	return len(b), err
}

type responseKey struct{}

func withResponse(ctx context.Context, a *response) context.Context {
	return context.WithValue(ctx, responseKey{}, a)
}

// responseOf is the answer to the message that is being worked on, nil without HTTP.
func responseOf(ctx context.Context) *response {
	a, _ := ctx.Value(responseKey{}).(*response)
	return a
}

// refuseToListen is a hook that refuses subscriptions/listen. A server whose lists
// never change has nothing to subscribe to, and its method does not exist then
// (2026-07-28, basic, transports); mcp-go serves it all the same, and without a
// stream it would say that all is done.
func refuseToListen(ctx context.Context, id any, _ *mcp.SubscriptionsListenRequest) {
	a := responseOf(ctx)
	if a == nil {
		return
	}
	document, err := json.Marshal(mcp.NewJSONRPCError(mcp.NewRequestId(id), mcp.METHOD_NOT_FOUND,
		fmt.Sprintf("method %s not found", mcp.MethodSubscriptionsListen), nil))
	if err == nil { // an id that was read can be written
		a.refused = document
	}
}
