package harness

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Error is an answer other than success.
type Error struct {
	Status      int
	Code        string // OAuth error code, or "page" for a page without a form
	Description string
	Header      http.Header
}

func (e *Error) Error() string {
	return fmt.Sprintf("HTTP %d %s: %s", e.Status, e.Code, e.Description)
}

// StatusOf returns the HTTP status of an error, 0 when there was no answer.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// sendForm posts a form with the client's authentication.
func (c *Client) sendForm(ctx context.Context, path string, form url.Values, into any) error {
	header := http.Header{}
	switch c.AuthMethod {
	case "client_secret_basic":
		credentials := url.QueryEscape(c.ID) + ":" + url.QueryEscape(c.Secret)
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)))
	case "private_key_jwt":
		assertion, err := c.assertion()
		if err != nil {
			return err
		}
		maps.Copy(form, assertion)
		form.Set("client_id", c.ID)
	case "client_secret_post":
		form.Set("client_secret", c.Secret)
		fallthrough
	default:
		form.Set("client_id", c.ID)
	}
	body := strings.NewReader(form.Encode())
	return c.send(ctx, c.Server+path, "application/x-www-form-urlencoded", body, header, into)
}

// Call calls a tool without arguments.
func (c *Client) Call(ctx context.Context, tool string) (map[string]any, error) {
	return c.CallWith(ctx, tool, map[string]any{})
}

// CallWith calls a tool with the access token and returns its structured result.
func (c *Client) CallWith(ctx context.Context, tool string, args map[string]any) (map[string]any, error) {
	c.requests++
	body, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": c.requests, "method": "tools/call", "params": map[string]any{"name": tool, "arguments": args},
	})
	if err != nil {
		return nil, err
	}
	header := c.callHeader()
	var answer struct {
		Result struct {
			Structured map[string]any `json:"structuredContent"`
			IsError    bool           `json:"isError"`
			Content    any            `json:"content"`
		} `json:"result"`
		Error any `json:"error"`
	}
	if err := c.send(ctx, c.Server+"/mcp", "application/json", bytes.NewReader(body), header, &answer); err != nil {
		return nil, err
	}
	if answer.Error != nil || answer.Result.IsError {
		return nil, fmt.Errorf("tool %s failed: %v %v", tool, answer.Error, answer.Result.Content)
	}
	return answer.Result.Structured, nil
}

func (c *Client) callHeader() http.Header {
	return http.Header{
		"Authorization": {"Bearer " + c.AccessToken}, "Accept": {"application/json, text/event-stream"},
		"Mcp-Protocol-Version": {protocolVersion},
	}
}

// ServerVersion is the version that the server tells clients when they begin.
func (c *Client) ServerVersion(ctx context.Context) (string, error) {
	const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"` + protocolVersion +
		`","capabilities":{},"clientInfo":{"name":"harness","version":"1"}}}`
	var answer struct {
		Result struct {
			Server struct {
				Version string `json:"version"`
			} `json:"serverInfo"`
		} `json:"result"`
	}
	err := c.send(ctx, c.Server+"/mcp", "application/json", strings.NewReader(initialize), c.callHeader(), &answer)
	return answer.Result.Server.Version, err
}

// send posts a body and reads the JSON answer.
func (c *Client) send(ctx context.Context, target, contentType string, body io.Reader, header http.Header, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, body)
	if err != nil {
		return err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", contentType)
	res, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return errorOf(res, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

func errorOf(res *http.Response, body []byte) error {
	var answer struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil {
		answer.Description = string(body)
	}
	return &Error{Status: res.StatusCode, Code: answer.Code, Description: answer.Description, Header: res.Header}
}

func (c *Client) saw(secrets ...string) {
	for _, s := range secrets {
		if s != "" {
			c.Seen = append(c.Seen, s)
		}
	}
}
