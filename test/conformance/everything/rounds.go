package everything

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// addRoundTrips adds tools that need several rounds (SEP-2322).
func (f fixture) addRoundTrips() {
	for name, handler := range map[string]server.ToolHandlerFunc{
		"elicitation":     asksName,
		"sampling":        asksModel,
		"list_roots":      asksRoots,
		"request_state":   confirms,
		"tampered_state":  confirms,
		"multiple_inputs": asksAll,
		"multi_round":     asksTwice,
		"capabilities":    asksWhatIsThere,
	} {
		f.AddTool(mcp.NewTool("test_input_required_result_"+name, mcp.WithDescription("Needs several rounds: "+name)), handler)
	}
}

func asksName(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if name, ok := field(r.Params.InputResponses, "user_name", "name"); ok {
		return mcp.NewToolResultText("Hello, " + name + "!"), nil
	}
	return server.NewInputRequestBuilder("").Elicit("user_name", question("What is your name?", nameForm)).ToolResult(), nil
}

func asksModel(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	const id = "capital_question"
	if answer := server.SamplingResponse(r.Params.InputResponses, id); answer != nil {
		return mcp.NewToolResultText(textOf(answer)), nil
	}
	return server.NewInputRequestBuilder("").Sample(id, prompt("What is the capital of France?")).ToolResult(), nil
}

func asksRoots(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	const id = "client_roots"
	if answer := server.RootsResponse(r.Params.InputResponses, id); answer != nil {
		return mcp.NewToolResultText(fmt.Sprintf("%d roots: %v", len(answer.Roots), answer.Roots)), nil
	}
	return server.NewInputRequestBuilder("").Roots(id).ToolResult(), nil
}

// confirms asks, and continues with state that no one else can have made.
func confirms(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	const id = "confirm"
	if len(r.Params.InputResponses) == 0 {
		return server.NewInputRequestBuilder(seal(id)).Elicit(id, question("Please confirm", confirmForm)).ToolResult(), nil
	}
	if _, err := unseal(r.Params.RequestState); err != nil {
		return nil, err
	}
	return mcp.NewToolResultText("state-ok"), nil
}

func asksAll(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	in := r.Params.InputResponses
	name, named := field(in, "user_name", "name")
	greeting, roots := server.SamplingResponse(in, "greeting"), server.RootsResponse(in, "client_roots")
	if named && greeting != nil && roots != nil {
		if _, err := unseal(r.Params.RequestState); err != nil {
			return nil, err
		}
		return mcp.NewToolResultText(fmt.Sprintf("%s %s %v", textOf(greeting), name, roots.Roots)), nil
	}
	return server.NewInputRequestBuilder(seal("all")).Elicit("user_name", question("What is your name?", nameForm)).
		Sample("greeting", prompt("Generate a greeting")).Roots("client_roots").ToolResult(), nil
}

func asksTwice(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	in := r.Params.InputResponses
	if name, ok := field(in, "step1", "name"); ok {
		return server.NewInputRequestBuilder(seal(name)).
			Elicit("step2", question("Step 2: What is your favorite color?", colourForm)).ToolResult(), nil
	}
	if colour, ok := field(in, "step2", "color"); ok {
		name, err := unseal(r.Params.RequestState)
		if err != nil {
			return nil, err
		}
		return mcp.NewToolResultText(name + " likes " + colour), nil
	}
	return server.NewInputRequestBuilder(seal("")).Elicit("step1", question("Step 1: What is your name?", nameForm)).ToolResult(), nil
}

// asksWhatIsThere asks for what the client can do, and for nothing else.
func asksWhatIsThere(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if len(r.Params.InputResponses) > 0 {
		return mcp.NewToolResultText("done"), nil
	}
	ask, can := server.NewInputRequestBuilder(""), capabilities(server.RequestProtocolInfoFromContext(ctx))
	if can.Sampling != nil {
		ask = ask.Sample("text", prompt("Say something"))
	}
	if can.Elicitation != nil {
		ask = ask.Elicit("name", question("What is your name?", nameForm))
	}
	return ask.ToolResult(), nil
}

// field is a text that a person filled in.
func field(responses mcp.InputResponses, id, name string) (string, bool) {
	answer := server.ElicitationResponse(responses, id)
	if answer == nil {
		return "", false
	}
	content, _ := answer.Content.(map[string]any)
	value, ok := content[name].(string)
	return value, ok
}

var stateKey = []byte(rand.Text())

// seal makes state that comes back through the client.
func seal(value string) string { return hex.EncodeToString([]byte(value)) + "." + sign(value) }

var errState = fmt.Errorf("%w: the request state is not ours", mcp.ErrInvalidParams)

func unseal(state string) (string, error) {
	encoded, signature, _ := strings.Cut(state, ".")
	value, err := hex.DecodeString(encoded)
	if err != nil || !hmac.Equal([]byte(signature), []byte(sign(string(value)))) {
		return "", errors.Join(errState, err)
	}
	return string(value), nil
}

func sign(value string) string {
	mac := hmac.New(sha256.New, stateKey)
	mac.Write([]byte(value))
	return hex.EncodeToString(mac.Sum(nil))
}
