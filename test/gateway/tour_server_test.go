package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// place is an MCP server that a tour visits, made with the official SDK for Go. It tells the
// tour what it sees.
type place struct {
	url      string
	patience time.Duration
	arrived  chan struct{} // the client has what the server sent last
	canceled chan struct{} // the server has seen that a call was canceled
	server   *sdk.Server
}

func newPlace(t *testing.T, patience time.Duration, version string) *place {
	t.Helper()
	p := &place{patience: patience, arrived: make(chan struct{}, 10), canceled: make(chan struct{}, 1)}
	p.server = sdk.NewServer(&sdk.Implementation{Name: "place", Version: "1"}, &sdk.ServerOptions{
		Instructions:       "Look around.",
		CompletionHandler:  completes,
		SubscribeHandler:   func(context.Context, *sdk.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *sdk.UnsubscribeRequest) error { return nil },
	})
	for name, tool := range map[string]sdk.ToolHandler{
		"echo": echoes, "progress": p.progresses, "wait": p.waits, "sample": samples, "elicit": elicits, "roots": asksForRoots, "log": logs, "change": p.changes,
		"update": p.updates, "fail": func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return nil, fmt.Errorf("failed")
		},
	} {
		p.server.AddTool(&sdk.Tool{Name: name, InputSchema: json.RawMessage(`{"type":"object"}`)}, tool)
	}
	p.server.AddPrompt(&sdk.Prompt{Name: "greet", Arguments: []*sdk.PromptArgument{{Name: "whom"}}}, greets)
	read := func(_ context.Context, r *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: r.Params.URI, Text: "content of " + r.Params.URI}}}, nil
	}
	p.server.AddResource(&sdk.Resource{Name: "note", URI: "note://1"}, read)
	p.server.AddResourceTemplate(&sdk.ResourceTemplate{Name: "notes", URITemplate: "note://{id}"}, read)
	h := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return p.server }, &sdk.StreamableHTTPOptions{
		Stateless: version == withoutSessions, EventStore: sdk.NewMemoryEventStore(nil), PropagateRequestCancellation: true,
	})
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	p.url = s.URL + "/mcp"
	return p
}

func says(text string) *sdk.CallToolResult {
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}

func echoes(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	var in struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(r.Params.Arguments, &in); err != nil {
		return nil, err
	}
	return says(in.Text), nil
}

// progresses sends an event when the one before has arrived.
func (p *place) progresses(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	for i := range 3 {
		err := r.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: float64(i), Total: 3})
		if err != nil {
			return nil, err
		}
		select {
		case <-p.arrived:
		case <-time.After(p.patience):
			return says(fmt.Sprintf("event %d did not arrive", i)), nil
		}
	}
	return says("each event arrived before the next"), nil
}

func (p *place) waits(ctx context.Context, _ *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	p.arrived <- struct{}{} // the call
	select {
	case <-ctx.Done():
		p.canceled <- struct{}{}
	case <-time.After(2 * p.patience):
	}
	return says("waited"), ctx.Err()
}

// question asks the client something in the middle of a call: by a request, or since 2026-07-28 by
// a result that has the client call again with the answer, which is nil until then.
func question(r *sdk.CallToolRequest, request sdk.InputRequest, before func() (sdk.InputResponse, error)) (sdk.InputResponse, *sdk.CallToolResult, error) {
	if p := r.Session.InitializeParams(); p == nil || p.ProtocolVersion < withoutSessions {
		answer, err := before()
		return answer, nil, err
	}
	if answer := r.Params.InputResponses["question"]; answer != nil {
		return answer, nil, nil
	}
	return nil, &sdk.CallToolResult{InputRequests: sdk.InputRequestMap{"question": request}}, nil
}

// told is the result of a tool that got an answer.
func told(answer sdk.InputResponse, asked *sdk.CallToolResult, err error) (*sdk.CallToolResult, error) {
	if err != nil || asked != nil {
		return asked, err
	}
	text, err := json.Marshal(answer)
	return says("the client says " + string(text)), err
}

func samples(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	p := &sdk.CreateMessageParams{ //nolint:staticcheck // deprecated since 2026-07-28, and there
		MaxTokens: 10, Messages: []*sdk.SamplingMessage{{Role: "user", Content: &sdk.TextContent{Text: "question"}}}, //nolint:staticcheck // the same
	}
	return told(question(r, p, func() (sdk.InputResponse, error) { return r.Session.CreateMessage(ctx, p) })) //nolint:staticcheck // for older revisions
}

func elicits(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	p := &sdk.ElicitParams{Message: "your name?", RequestedSchema: json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"}}}`)}
	return told(question(r, p, func() (sdk.InputResponse, error) { return r.Session.Elicit(ctx, p) }))
}

func asksForRoots(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	p := &sdk.ListRootsParams{}                                                                           //nolint:staticcheck // the same
	return told(question(r, p, func() (sdk.InputResponse, error) { return r.Session.ListRoots(ctx, p) })) //nolint:staticcheck // for older revisions
}

func logs(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	for _, level := range []sdk.LoggingLevel{"debug", "info", "error"} { //nolint:staticcheck // the same
		if err := r.Session.Log(ctx, &sdk.LoggingMessageParams{Level: level, Data: "logged"}); err != nil { //nolint:staticcheck // the same
			return nil, err
		}
	}
	return says("logged"), nil
}

func (p *place) changes(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	p.server.AddTool(&sdk.Tool{Name: "new", InputSchema: json.RawMessage(`{"type":"object"}`)}, echoes)
	p.server.AddPrompt(&sdk.Prompt{Name: "new"}, greets)
	return says("changed"), nil
}

func (p *place) updates(ctx context.Context, _ *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	return says("updated"), p.server.ResourceUpdated(ctx, &sdk.ResourceUpdatedNotificationParams{URI: "note://1"})
}

func greets(_ context.Context, r *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
	return &sdk.GetPromptResult{Messages: []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: "Hello " + r.Params.Arguments["whom"]}}}}, nil
}

func completes(_ context.Context, r *sdk.CompleteRequest) (*sdk.CompleteResult, error) {
	return &sdk.CompleteResult{Completion: sdk.CompletionResultDetails{Values: []string{r.Params.Argument.Value + "ce"}, Total: 1}}, nil
}
