package everything

import (
	"context"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func (f fixture) addResources() {
	f.addResource("test://static-text", "text/plain", mcp.TextResourceContents{
		URI: "test://static-text", MIMEType: "text/plain", Text: "This is the content of the static text resource.",
	})
	f.addResource("test://static-binary", "image/png", mcp.BlobResourceContents{
		URI: "test://static-binary", MIMEType: "image/png", Blob: image,
	})
	f.addResource("test://watched-resource", "text/plain", mcp.TextResourceContents{
		URI: "test://watched-resource", MIMEType: "text/plain", Text: "It never changes.",
	})
	f.AddResourceTemplate(mcp.NewResourceTemplate("test://template/{id}/data", "template",
		mcp.WithTemplateDescription("Data by id"), mcp.WithTemplateMIMEType("application/json")), readTemplate)
}

func (f fixture) addResource(uri, mimeType string, contents mcp.ResourceContents) {
	name := strings.TrimPrefix(uri, "test://")
	f.AddResource(mcp.NewResource(uri, name, mcp.WithResourceDescription("The "+name), mcp.WithMIMEType(mimeType)), read(contents))
}

func read(contents mcp.ResourceContents) server.ResourceHandlerFunc {
	return func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		return []mcp.ResourceContents{contents}, nil
	}
}

func readTemplate(_ context.Context, r mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	id := strings.TrimSuffix(strings.TrimPrefix(r.Params.URI, "test://template/"), "/data")
	return []mcp.ResourceContents{mcp.TextResourceContents{
		URI: r.Params.URI, MIMEType: "application/json",
		Text: fmt.Sprintf(`{"id":%q,"templateTest":true,"data":%q}`, id, "Data for ID: "+id),
	}}, nil
}
