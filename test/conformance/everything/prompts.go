package everything

import (
	"context"
	"fmt"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func (f fixture) addPrompts() {
	f.AddPrompt(mcp.NewPrompt("test_simple_prompt", mcp.WithPromptDescription("Without arguments")),
		says("This is a simple prompt for testing."))
	f.AddPrompt(mcp.NewPrompt("test_prompt_with_arguments", mcp.WithPromptDescription("With arguments"),
		argument("arg1", "First test argument"), argument("arg2", "Second test argument")),
		func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			a := r.Params.Arguments
			return messages(text(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", a["arg1"], a["arg2"]))), nil
		})
	f.AddPrompt(mcp.NewPrompt("test_prompt_with_embedded_resource", mcp.WithPromptDescription("With a resource"),
		argument("resourceUri", "URI of the resource")),
		func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return messages(mcp.NewEmbeddedResource(mcp.TextResourceContents{
				URI: r.Params.Arguments["resourceUri"], MIMEType: "text/plain", Text: "Embedded resource content for testing.",
			}), text("Please process the embedded resource above.")), nil
		})
	f.AddPrompt(mcp.NewPrompt("test_prompt_with_image", mcp.WithPromptDescription("With a picture")),
		func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return messages(mcp.NewImageContent(image, "image/png"), text("Please analyze the image above.")), nil
		})
	f.AddPrompt(mcp.NewPrompt("test_input_required_result_prompt", mcp.WithPromptDescription("Needs two rounds")), promptAsks)
}

func argument(name, description string) mcp.PromptOption {
	return mcp.WithArgument(name, mcp.ArgumentDescription(description), mcp.RequiredArgument())
}

// says returns the handler of a prompt that is always the same.
func says(s string) server.PromptHandlerFunc {
	return func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return messages(text(s)), nil
	}
}

func messages(parts ...mcp.Content) *mcp.GetPromptResult {
	var result mcp.GetPromptResult
	for _, part := range parts {
		result.Messages = append(result.Messages, mcp.PromptMessage{Role: mcp.RoleUser, Content: part})
	}
	return &result
}

func promptAsks(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
	if answer, ok := field(r.Params.InputResponses, "user_context", "context"); ok {
		return messages(text("Context: " + answer)), nil
	}
	return server.NewInputRequestBuilder("").
		Elicit("user_context", question("What context should the prompt use?", contextForm)).PromptResult(), nil
}
