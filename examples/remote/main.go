// Command remote is an MCP server that stays separate from mcpkeep and asks it about each
// access token. Register it and start it with what is printed:
//
//	mcpkeep clients create --name Greeter --resource http://127.0.0.1:9000/mcp
//	MCPKEEP_CLIENT_ID=… MCPKEEP_CLIENT_SECRET=… go run ./examples/remote
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/mcpkeep/mcpkeep/bearer"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9000", "address, on this machine")
	issuer := flag.String("issuer", "http://127.0.0.1:8080", "base URL of mcpkeep")
	flag.Parse()
	guard, err := bearer.New(bearer.Config{
		Issuer: *issuer, Resource: "http://" + *listen + "/mcp",
		ClientID: os.Getenv("MCPKEEP_CLIENT_ID"), ClientSecret: os.Getenv("MCPKEEP_CLIENT_SECRET"),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*listen, guard.Handler(greeter()))) //nolint:gosec // an example: set timeouts
}

// greeter is an MCP server with one tool.
func greeter() http.Handler {
	s := server.NewMCPServer("greeter", "1.0.0")
	s.AddTool(mcp.NewTool("greet", mcp.WithDescription("Greets the caller.")), greet)
	return server.NewStreamableHTTPServer(s, server.WithStateLess(true))
}

func greet(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	person, ok := bearer.PersonFrom(ctx)
	if !ok {
		return mcp.NewToolResultError("no caller"), nil
	}
	return mcp.NewToolResultText("Hello, " + person.ID), nil
}
