package everything

import (
	"context"
	"fmt"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// addAskingTools adds tools that ask the client for something in the middle of a
// call: with a request of their own where the revision has that, with a round trip
// where not.
func (f fixture) addAskingTools() {
	f.AddTool(mcp.NewTool("test_sampling", mcp.WithDescription("Asks for text of a model"),
		mcp.WithString("prompt", mcp.Description("What to ask"), mcp.Required())), samples)
	f.AddTool(mcp.NewTool("test_elicitation", mcp.WithDescription("Asks for data of the person"),
		mcp.WithString("message", mcp.Description("What to show"), mcp.Required())),
		func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return elicits(r, "User response", r.GetString("message", ""), contactForm), nil
		})
	f.elicit("test_elicitation_sep1034_defaults", "Asks with default values", defaultsForm)
	f.elicit("test_elicitation_sep1330_enums", "Asks with choices", choicesForm)
	f.elicit("test_streaming_elicitation", "Asks for a name", nameForm)
	f.AddTool(mcp.NewTool("test_missing_capability", mcp.WithDescription("Needs a client with sampling")), needsSampling)
}

// elicit adds a tool that asks for the data of a form.
func (f fixture) elicit(name, description string, form object) {
	f.AddTool(mcp.NewTool(name, mcp.WithDescription(description)),
		func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return elicits(r, "Elicitation completed", description, form), nil
		})
}

func elicits(r mcp.CallToolRequest, done, message string, form object) *mcp.CallToolResult {
	const id = "form"
	if answer := server.ElicitationResponse(r.Params.InputResponses, id); answer != nil {
		return mcp.NewToolResultText(fmt.Sprintf("%s: action=%s, content=%v", done, answer.Action, answer.Content))
	}
	return server.NewInputRequestBuilder("").Elicit(id, question(message, form)).ToolResult()
}

func question(message string, form object) mcp.ElicitationParams {
	return mcp.ElicitationParams{Mode: mcp.ElicitationModeForm, Message: message, RequestedSchema: form}
}

func samples(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	const id = "text"
	if answer := server.SamplingResponse(r.Params.InputResponses, id); answer != nil {
		return mcp.NewToolResultText("LLM response: " + textOf(answer)), nil
	}
	return server.NewInputRequestBuilder("").Sample(id, prompt(r.GetString("prompt", ""))).ToolResult(), nil
}

func prompt(s string) mcp.CreateMessageParams {
	return mcp.CreateMessageParams{Messages: []mcp.SamplingMessage{{Role: mcp.RoleUser, Content: text(s)}}, MaxTokens: 100}
}

// textOf is the text of a sampling result.
func textOf(r *mcp.CreateMessageResult) string {
	switch content := r.Content.(type) {
	case mcp.TextContent:
		return content.Text
	case map[string]any:
		s, _ := content["text"].(string)
		return s
	}
	return ""
}

// needsSampling is for clients that declare the capability with the request.
func needsSampling(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.Modern && capabilities(info).Sampling == nil {
		return nil, mcp.MissingRequiredClientCapabilityError{Capability: "sampling"}
	}
	return mcp.NewToolResultText("The client has sampling."), nil
}

// capabilities are those that the client declared with the request.
func capabilities(info *server.RequestProtocolInfo) mcp.ClientCapabilities {
	if info == nil || info.ClientCapabilities == nil {
		return mcp.ClientCapabilities{}
	}
	return *info.ClientCapabilities
}
