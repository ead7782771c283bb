package harness

import (
	"context"
	"fmt"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// Connect opens a session of mcp-go's client with the client's access token. It ends with the
// test.
func Connect(t testing.TB, c *Client) *client.Client {
	t.Helper()
	m, err := client.NewStreamableHttpClient(c.resource(),
		transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + c.AccessToken}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	request := mcp.InitializeRequest{}
	request.Params.ProtocolVersion = protocolVersion
	request.Params.ClientInfo = mcp.Implementation{Name: "test", Version: "1"}
	if _, err := m.Initialize(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	return m
}

// CallIn calls a tool in a session, with meta unless that is nil.
func CallIn(ctx context.Context, m *client.Client, tool string, meta *mcp.Meta) error {
	request := mcp.CallToolRequest{}
	request.Params.Name, request.Params.Meta = tool, meta
	result, err := m.CallTool(ctx, request)
	if err == nil && result.IsError {
		err = fmt.Errorf("%s failed: %v", tool, result.Content)
	}
	return err
}
