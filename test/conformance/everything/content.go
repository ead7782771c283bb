package everything

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"
)

// A picture of one pixel and a sound of one sample, in Base64.
const (
	image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
	sound = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
)

// addContentTools adds a tool for each kind of content.
func (f fixture) addContentTools() {
	f.answer("test_simple_text", "Returns text", text("This is a simple text response for testing."))
	f.answer("test_image_content", "Returns a picture", mcp.NewImageContent(image, "image/png"))
	f.answer("test_audio_content", "Returns a sound", mcp.NewAudioContent(sound, "audio/wav"))
	f.answer("test_embedded_resource", "Returns a resource", mcp.NewEmbeddedResource(mcp.TextResourceContents{
		URI: "test://embedded-resource", MIMEType: "text/plain", Text: "This is an embedded resource content.",
	}))
	f.answer("test_multiple_content_types", "Returns content of several kinds",
		text("Multiple content types test:"),
		mcp.NewImageContent(image, "image/png"),
		mcp.NewEmbeddedResource(mcp.TextResourceContents{
			URI: "test://mixed-content-resource", MIMEType: "application/json", Text: `{"test":"data","value":123}`,
		}))
	f.AddTool(mcp.NewTool("test_error_handling", mcp.WithDescription("Fails")),
		func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultError("This tool intentionally returns an error for testing"), nil
		})
}

// answer adds a tool that always returns the same.
func (f fixture) answer(name, description string, content ...mcp.Content) {
	f.AddTool(mcp.NewTool(name, mcp.WithDescription(description)),
		func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: content}, nil
		})
}
