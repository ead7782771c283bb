// Command gosdk is an MCP client made of the official Go SDK, with the SDK's own
// OAuth code. It has a module of its own: mcpkeep does not depend on that SDK. The
// conversation with the test is described in test/clients/doc.go.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/url"
	"os"
	"runtime/debug"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

const sdk = "github.com/modelcontextprotocol/go-sdk"

// setup is the first argument: where the server is, and how this client is known
// there.
type setup struct {
	Server       string `json:"server"`
	RedirectURI  string `json:"redirectUri"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	DocumentURL  string `json:"documentUrl"`
}

type command struct {
	Do        string         `json:"do"`
	Tool      string         `json:"tool"`
	Arguments map[string]any `json:"arguments"`
	Answer    string         `json:"answer"` // to a request to open the browser
}

type message struct {
	Open   string `json:"open,omitempty"`
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

type driver struct {
	setup   setup
	in      *bufio.Scanner
	out     *json.Encoder
	handler *auth.AuthorizationCodeHandler
	session *mcp.ClientSession
}

func main() {
	d := &driver{in: bufio.NewScanner(os.Stdin), out: json.NewEncoder(os.Stdout)}
	if err := d.serve(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// serve answers the test's commands until there are no more.
func (d *driver) serve(ctx context.Context) error {
	if err := json.Unmarshal([]byte(os.Args[1]), &d.setup); err != nil {
		return err
	}
	var err error
	if d.handler, err = auth.NewAuthorizationCodeHandler(d.config()); err != nil {
		return err
	}
	for {
		c, err := d.hear()
		if err != nil || c.Do == "" {
			return err
		}
		result, err := d.do(ctx, c)
		m := message{Result: result}
		if err != nil {
			m = message{Error: err.Error()}
		}
		if err := d.out.Encode(m); err != nil {
			return err
		}
	}
}

// hear reads the test's next line; the zero command means that there are no more.
func (d *driver) hear() (command, error) {
	var c command
	if !d.in.Scan() {
		return c, d.in.Err()
	}
	err := json.Unmarshal(d.in.Bytes(), &c)
	return c, err
}

func (d *driver) do(ctx context.Context, c command) (any, error) {
	switch c.Do {
	case "connect":
		return nil, d.connect(ctx)
	case "call":
		return d.call(ctx, c)
	case "version":
		return version(), nil
	}
	return nil, errors.New("unknown command " + c.Do)
}

// config is what an application tells the SDK.
func (d *driver) config() *auth.AuthorizationCodeHandlerConfig {
	config := &auth.AuthorizationCodeHandlerConfig{
		RedirectURL: d.setup.RedirectURI, AuthorizationCodeFetcher: d.authorize, RequestRefreshToken: true,
	}
	switch {
	case d.setup.DocumentURL != "":
		config.ClientIDMetadataDocumentConfig = &auth.ClientIDMetadataDocumentConfig{URL: d.setup.DocumentURL}
	case d.setup.ClientID != "":
		config.PreregisteredClient = &oauthex.ClientCredentials{ClientID: d.setup.ClientID}
		if d.setup.ClientSecret != "" {
			config.PreregisteredClient.ClientSecretAuth = &oauthex.ClientSecretAuth{ClientSecret: d.setup.ClientSecret}
		}
	default:
		config.DynamicClientRegistrationConfig = &auth.DynamicClientRegistrationConfig{
			Metadata: &oauthex.ClientRegistrationMetadata{
				ClientName: "Go SDK", RedirectURIs: []string{d.setup.RedirectURI}, TokenEndpointAuthMethod: "none",
				GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
			},
		}
	}
	return config
}

// authorize has the test's person open the browser.
func (d *driver) authorize(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	if err := d.out.Encode(message{Open: args.URL}); err != nil {
		return nil, err
	}
	c, err := d.hear()
	if err != nil {
		return nil, err
	}
	answer, err := url.Parse(c.Answer)
	if err != nil {
		return nil, err
	}
	q := answer.Query()
	return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
}

func (d *driver) connect(ctx context.Context) error {
	if d.session != nil {
		_ = d.session.Close() // its server may have forgotten it
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "mcpkeep-test-gosdk", Version: "1.0.0"}, nil)
	var err error
	d.session, err = client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: d.setup.Server, OAuthHandler: d.handler,
	}, nil)
	return err
}

func (d *driver) call(ctx context.Context, c command) (any, error) {
	result, err := d.session.CallTool(ctx, &mcp.CallToolParams{Name: c.Tool, Arguments: c.Arguments})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"isError": result.IsError, "structured": result.StructuredContent, "content": result.Content,
	}, nil
}

// version is that of the SDK in this binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == sdk {
				return dep.Version
			}
		}
	}
	return "unknown"
}
