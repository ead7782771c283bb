package everything

import (
	"log/slog"
	"net/http"
	"os"
	"strconv"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// fixture is the server and what its tools need of it.
type fixture struct{ *server.MCPServer }

// New returns the handler of the MCP endpoint, with sessions for the revisions
// that have them. It is for one test: some tools change what it lists.
func New(options ...server.StreamableHTTPOption) http.Handler {
	return server.NewStreamableHTTPServer(newFixture().MCPServer, append(options,
		server.WithStateful(true),
		server.WithEventStore(server.NewInMemoryEventStore()),
		server.WithStreamableHTTPLogger(slog.New(slog.DiscardHandler)),
	)...)
}

// AsStdio is the variable of the environment that has a test program serve on standard input and
// output, in place of its tests.
const AsStdio = "MCPKEEP_TEST_STDIO"

// ServedStdio serves on standard input and output until the input ends, and reports true, if
// [AsStdio] is set. A further tool returns the ID of the process. Call it from TestMain.
func ServedStdio() bool {
	if os.Getenv(AsStdio) == "" {
		return false
	}
	f := newFixture()
	f.answer("test_process_id", "Returns the ID of the server's process", text(strconv.Itoa(os.Getpid())))
	if err := server.ServeStdio(f.MCPServer); err != nil {
		panic(err)
	}
	return true
}

func newFixture() fixture {
	f := fixture{server.NewMCPServer("everything", "1.0.0",
		server.WithToolCapabilities(true),
		server.WithResourceCapabilities(true, true),
		server.WithPromptCapabilities(true),
		server.WithCompletions(),
		server.WithLogging(),
		server.WithElicitation(),
		server.WithRoots(),
		server.WithCacheHints(0, mcp.CacheScopePrivate),
	)}
	f.EnableSampling()
	f.addContentTools()
	f.addNotifyingTools()
	f.addAskingTools()
	f.addRoundTrips()
	f.addSchemaTools()
	f.addChangingTools()
	f.addResources()
	f.addPrompts()
	return f
}

// text is a message part.
func text(s string) mcp.TextContent { return mcp.NewTextContent(s) }

// object is a JSON object.
type object = map[string]any
