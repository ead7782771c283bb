package mcpserver

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
)

// tool is one tool with what it does.
type tool struct {
	mcp.Tool
	adminOnly bool
	scope     string // needed of the access token; "" means oauth.ScopeMCP
	// notFound is the answer to storage.ErrNotFound. It is the same for what
	// never was and for what is someone else's.
	notFound string
	run      func(ctx context.Context, p principal.Principal, r mcp.CallToolRequest) (*mcp.CallToolResult, error)
}

// add registers a tool.
func (s *service) add(m *server.MCPServer, t tool) {
	t.scope = cmp.Or(t.scope, oauth.ScopeMCP)
	if t.Meta == nil {
		t.Meta = &mcp.Meta{AdditionalFields: make(map[string]any)}
	}
	t.Meta.AdditionalFields["securitySchemes"] = securitySchemes(t.scope)
	s.adminOnly[t.Name] = t.adminOnly
	m.AddTool(t.Tool, s.recorded(t.Name, s.handle(t)))
	registered, err := json.Marshal(m.GetTool(t.Name).Tool.InputSchema)
	if err != nil {
		panic(err) // the schemas are constants
	}
	s.inputSchemas[t.Name] = string(registered)
}

// securitySchemes says how a tool is authorized, as ChatGPT reads it.
func securitySchemes(scope string) []map[string]any {
	return []map[string]any{{"type": "oauth2", "scopes": oauth.ParseScope(scope)}}
}

// handle wraps a tool: the principal is known and allowed, errors become answers,
// and a panic is logged and not told.
func (s *service) handle(t tool) server.ToolHandlerFunc {
	declared := argumentsOf(t.Tool)
	return func(ctx context.Context, r mcp.CallToolRequest) (result *mcp.CallToolResult, _ error) {
		defer func() {
			if cause := recover(); cause != nil {
				result = s.errorResult(ctx, t, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
			}
		}()
		p, ok := s.permitted(ctx, t.Name)
		if !ok {
			return s.errorResult(ctx, t, errNotPermitted), nil
		}
		arguments, err := readArguments(declared, r.Params.Arguments)
		if err != nil { // before anyone is asked to allow more
			return s.errorResult(ctx, t, s.explainArguments(t.Name, err)), nil
		}
		r.Params.Arguments = arguments
		if !oauth.Has(p.Scope, t.scope) {
			return s.askForMore(ctx, p, t), nil
		}
		result, err = t.run(ctx, p, r)
		if err != nil {
			return s.errorResult(ctx, t, err), nil
		}
		return result, nil
	}
}

// permitted returns who the call works for, and whether they may use the tool.
func (s *service) permitted(ctx context.Context, name string) (principal.Principal, bool) {
	p, ok := principal.FromContext(ctx)
	return p, ok && (p.Admin || !s.adminOnly[name])
}

// visible is the tool filter: what a person may not use does not exist for
// them, in tools/list and in tools/call.
func (s *service) visible(ctx context.Context, tools []mcp.Tool) []mcp.Tool {
	out := make([]mcp.Tool, 0, len(tools))
	for _, t := range tools {
		if _, ok := s.permitted(ctx, t.Name); ok {
			out = append(out, t)
		}
	}
	return out
}

// What a client may expect of a tool before it asks the person. Every tool is
// idempotent: what a destructive one ended stays ended. None reaches beyond
// this server.
var (
	reads    = annotate(true, false)
	destroys = annotate(false, true)
)

func annotate(readOnly, destructive bool) mcp.ToolOption {
	return func(t *mcp.Tool) {
		t.Annotations = mcp.ToolAnnotation{
			Title:           t.Title,
			ReadOnlyHint:    mcp.ToBoolPtr(readOnly),
			DestructiveHint: mcp.ToBoolPtr(destructive),
			IdempotentHint:  mcp.ToBoolPtr(true),
			OpenWorldHint:   mcp.ToBoolPtr(false),
		}
	}
}

// define makes the definition of a tool whose structured result is a T.
func define[T any](name, title string, hints mcp.ToolOption, description string, arguments ...mcp.ToolOption) mcp.Tool {
	options := append([]mcp.ToolOption{
		mcp.WithToolTitle(title), mcp.WithDescription(description), hints, output[T](),
	}, arguments...)
	return mcp.NewTool(name, options...)
}
