package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// tour is a client that uses every feature of a place, and the transcript of that. What
// the server sends by itself is noted apart: its order does not count, its absence does.
type tour struct {
	*place
	endpoint, token, version string

	mu      sync.Mutex
	steps   map[string]string
	notices []string
}

// bearer sends requests with a token.
type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (v *tour) note(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notices = append(v.notices, fmt.Sprintf(format, args...))
}

// noteOnce is note for what may be said more than once.
func (v *tour) noteOnce(text string) {
	if v.noted(text) == 0 {
		v.note("%s", text)
	}
}

// noted returns how many notices begin with a text.
func (v *tour) noted(prefix string) (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, notice := range v.notices {
		if strings.HasPrefix(notice, prefix) {
			n++
		}
	}
	return n
}

// wait waits until n notices begin with a text.
func (v *tour) wait(prefix string, n int) {
	for began := time.Now(); time.Since(began) < v.patience && v.noted(prefix) < n; {
		time.Sleep(10 * time.Millisecond)
	}
}

// step notes how something ended: the JSON of a result, or an error.
func (v *tour) step(name string, result any, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text, marshalErr := json.Marshal(result)
	switch {
	case err != nil:
		v.steps[name] = "error: " + err.Error()
	case marshalErr != nil:
		v.steps[name] = marshalErr.Error()
	default:
		v.steps[name] = string(text)
	}
}

func (v *tour) options() *sdk.ClientOptions {
	return &sdk.ClientOptions{
		CreateMessageHandler: func(context.Context, *sdk.CreateMessageRequest) (*sdk.CreateMessageResult, error) { //nolint:staticcheck // of older revisions
			return &sdk.CreateMessageResult{Model: "m", Role: "assistant", Content: &sdk.TextContent{Text: "answer"}}, nil //nolint:staticcheck // the same
		},
		ElicitationHandler: func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ada"}}, nil
		},
		ToolListChangedHandler:   func(context.Context, *sdk.ToolListChangedRequest) { v.noteOnce("tools changed") },
		PromptListChangedHandler: func(context.Context, *sdk.PromptListChangedRequest) { v.noteOnce("prompts changed") },
		ResourceUpdatedHandler:   func(_ context.Context, r *sdk.ResourceUpdatedNotificationRequest) { v.note("updated %s", r.Params.URI) },
		LoggingMessageHandler: func(_ context.Context, r *sdk.LoggingMessageRequest) { //nolint:staticcheck // of older revisions
			v.note("log %s %v", r.Params.Level, r.Params.Data)
		},
		ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
			v.note("progress %v of %v", r.Params.Progress, r.Params.Total)
			v.arrived <- struct{}{}
		},
	}
}

// take goes through everything and returns the transcript.
func (v *tour) take(t *testing.T) []string {
	t.Helper()
	v.steps = map[string]string{}
	ctx, cancel := context.WithTimeout(t.Context(), 6*v.patience)
	defer cancel()
	c := sdk.NewClient(&sdk.Implementation{Name: "tourist", Version: "1"}, v.options())
	c.AddRoots(&sdk.Root{Name: "home", URI: "file:///home"}) //nolint:staticcheck // of older revisions
	s, err := c.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: v.endpoint, HTTPClient: &http.Client{Transport: bearer{v.token}}, MaxRetries: -1},
		&sdk.ClientSessionOptions{ProtocolVersion: v.version})
	if err != nil {
		v.step("connect", nil, err)
		return v.transcript()
	}
	v.step("connect", s.InitializeResult(), nil)
	v.step("has a session", s.ID() != "", nil)
	v.lists(ctx, s)
	v.tools(ctx, s)
	v.cancels(ctx, s)
	v.changed(ctx, s)
	v.step("close", nil, s.Close())
	return v.transcript()
}

func (v *tour) lists(ctx context.Context, s *sdk.ClientSession) {
	tools, err := s.ListTools(ctx, nil)
	v.step("tools", tools, err)
	prompts, err := s.ListPrompts(ctx, nil)
	v.step("prompts", prompts, err)
	prompt, err := s.GetPrompt(ctx, &sdk.GetPromptParams{Name: "greet", Arguments: map[string]string{"whom": "you"}})
	v.step("prompt", prompt, err)
	resources, err := s.ListResources(ctx, nil)
	v.step("resources", resources, err)
	templates, err := s.ListResourceTemplates(ctx, nil)
	v.step("templates", templates, err)
	content, err := s.ReadResource(ctx, &sdk.ReadResourceParams{URI: "note://2"})
	v.step("resource", content, err)
	completion, err := s.Complete(ctx, &sdk.CompleteParams{
		Ref: &sdk.CompleteReference{Type: "ref/prompt", Name: "greet"}, Argument: sdk.CompleteParamsArgument{Name: "whom", Value: "Ali"},
	})
	v.step("completion", completion, err)
	if v.version < "2026" {
		v.step("ping", nil, s.Ping(ctx, nil))
		v.step("level", nil, s.SetLoggingLevel(ctx, &sdk.SetLoggingLevelParams{Level: "info"})) //nolint:staticcheck // of older revisions
	}
}

func (v *tour) call(ctx context.Context, s *sdk.ClientSession, tool string, arguments any, token any) {
	p := &sdk.CallToolParams{Name: tool, Arguments: arguments}
	if token != nil {
		p.SetProgressToken(token)
	}
	result, err := s.CallTool(ctx, p)
	v.step("call of "+tool, result, err)
}

func (v *tour) tools(ctx context.Context, s *sdk.ClientSession) {
	const large = 3 << 20 // as JSON
	result, err := s.CallTool(ctx, &sdk.CallToolParams{Name: "echo", Arguments: map[string]any{"text": strings.Repeat("ab\n\"é", large/8)}})
	sum := uint32(0)
	if err == nil {
		text, _ := json.Marshal(result)
		sum = crc32.ChecksumIEEE(text)
	}
	v.step("3 MB", sum, err)
	v.call(ctx, s, "progress", nil, "p1")
	for _, tool := range []string{"sample", "elicit", "roots", "log", "fail", "missing"} {
		v.call(ctx, s, tool, nil, nil)
	}
	if v.version < "2026" {
		v.wait("log", 2)
	}
}

// cancels ends a call that waits, and has the server say whether it saw that.
func (v *tour) cancels(ctx context.Context, s *sdk.ClientSession) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err := s.CallTool(ctx, &sdk.CallToolParams{Name: "wait"})
		v.step("canceled call ends with an error", err != nil, nil)
	}()
	select {
	case <-v.arrived:
	case <-time.After(v.patience):
	}
	cancel()
	<-ended
	seen := false
	select {
	case <-v.canceled:
		seen = true
	case <-time.After(v.patience):
	}
	v.step("cancellation seen", seen, nil)
}

// changed: the server says by itself that a list or a resource changed.
func (v *tour) changed(ctx context.Context, s *sdk.ClientSession) {
	v.step("subscribe", nil, s.Subscribe(ctx, &sdk.SubscribeParams{URI: "note://1"}))
	v.call(ctx, s, "update", nil, nil)
	v.wait("updated", 1)
	v.call(ctx, s, "change", nil, nil)
	// The SDK does not say when it listens to the lists: what changed before that comes again.
	for began := time.Now(); time.Since(began) < v.patience && (v.noted("tools changed") == 0 || v.noted("prompts changed") == 0); {
		time.Sleep(100 * time.Millisecond)
		if time.Since(began) > time.Second {
			_, _ = s.CallTool(ctx, &sdk.CallToolParams{Name: "change"})
		}
	}
	v.step("unsubscribe", nil, s.Unsubscribe(ctx, &sdk.UnsubscribeParams{URI: "note://1"}))
	tools, err := s.ListTools(ctx, nil)
	v.step("tools after the change", tools, err)
}

// transcript returns a line for each step and each notice.
func (v *tour) transcript() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var lines []string
	for name, text := range v.steps {
		lines = append(lines, name+": "+text)
	}
	for _, notice := range v.notices {
		lines = append(lines, "notice: "+notice)
	}
	slices.Sort(lines)
	return lines
}
