package mcpkeep_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/mcpkeep/mcpkeep"
)

func Example() {
	dir, err := os.MkdirTemp("", "mcpkeep")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	keep, err := mcpkeep.Open(context.Background(), mcpkeep.Config{
		BaseURL:     "https://mcp.example.com",
		DatabaseURL: "sqlite:" + filepath.Join(dir, "mcpkeep.db"),
		Provider:    mcpkeep.GitHub("client id", "client secret"),
		Allow:       mcpkeep.Allow{Orgs: []string{"my-company"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = keep.Close() }()
	handler := keep.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		person, _ := mcpkeep.PersonFrom(r.Context())
		_, _ = fmt.Fprintf(w, "Hello, %s", person.Name)
	}))
	// In a program: http.ListenAndServe(addr, handler)
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, httptest.NewRequest(http.MethodPost, "https://mcp.example.com/mcp", http.NoBody))
	fmt.Println(response.Code, response.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", scope="mcp"
}

func ExampleOpen_error() {
	_, err := mcpkeep.Open(context.Background(), mcpkeep.Config{
		BaseURL:  "https://mcp.example.com",
		Provider: mcpkeep.Google("client id", "client secret"),
	})
	fmt.Println(err)
	// Output: mcpkeep: Config.Allow.Users: no one could sign in; want people here, domains in Config.Allow.Domains, including Google Workspace domains, or Config.Allow.Anyone=true
}

func ExamplePersonFrom() {
	greet := func(ctx context.Context) string {
		person, ok := mcpkeep.PersonFrom(ctx)
		if !ok {
			return "Hello, stranger"
		}
		return "Hello, " + person.Name
	}
	fmt.Println(greet(context.Background()))
	// Output: Hello, stranger
}
