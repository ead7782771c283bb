// Command mcpgo is an MCP server on mcp-go that mcpkeep protects. It signs one person in
// with a password: PASSWORD, or one that it prints at the first start. Connect an MCP
// client to http://127.0.0.1:8080/mcp.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

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

// greeter is an MCP server with one tool.
func greeter() http.Handler {
	s := server.NewMCPServer("greeter", "1.0.0")
	s.AddTool(mcp.NewTool("greet", mcp.WithDescription("Greets the caller.")), greet)
	return server.NewStreamableHTTPServer(s, server.WithStateLess(true))
}

func greet(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	person, ok := mcpkeep.PersonFrom(ctx)
	if !ok {
		return mcp.NewToolResultError("no caller"), nil
	}
	return mcp.NewToolResultText("Hello, " + person.ID), nil
}
