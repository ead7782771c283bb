// Command gosdk is an MCP server on the official Go SDK that mcpkeep protects. It signs one
// person in with a password: PASSWORD, or one that it prints at the first start. Connect an
// MCP client to http://127.0.0.1:8080/mcp. It has a module of its own, since mcpkeep does
// not depend on that SDK.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mcpkeep/mcpkeep"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address, on this machine")
	flag.Parse()
	keep, err := mcpkeep.Open(context.Background(), mcpkeep.Config{
		BaseURL: "http://" + *listen, Provider: mcpkeep.Local(os.Getenv("PASSWORD")),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*listen, keep.Handler(greeter()))) //nolint:gosec // an example: set timeouts
}

// greeter is an MCP server with one tool. Any replica can answer any request without
// sessions, and each tool call has the context of its own request.
func greeter() http.Handler {
	s := mcp.NewServer(&mcp.Implementation{Name: "greeter", Version: "1.0.0"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: "greet", Description: "Greets the caller."}, greet)
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s },
		&mcp.StreamableHTTPOptions{Stateless: true})
}

func greet(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
	person, ok := mcpkeep.PersonFrom(ctx)
	if !ok {
		return nil, nil, errors.New("no caller")
	}
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "Hello, " + person.ID}}}, nil, nil
}
