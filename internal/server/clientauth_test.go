package server_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mcpkeep/mcpkeep/internal/fastmcp"
)

func basic(id, secret string) header {
	return header{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))}
}

// percent encodes every byte, as RFC 6749 §2.3.1 allows.
func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		const hex = "0123456789ABCDEF"
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// TestClientAuthentication: C13, 8252-05, C-04, 6749-13 to 6749-15, B13. Every
// way is tried at the token, the revocation and the introspection endpoint.
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	s := start(t)
	public := s.register()
	post := s.register(map[string]any{"token_endpoint_auth_method": "client_secret_post"})
	byBasic := s.register(map[string]any{"token_endpoint_auth_method": "client_secret_basic"})
	fastmcpPublic := s.putClient("fm-public", s.sealed, nil)
	fastmcpSecret := s.putClient("fm-secret", s.sealed, map[string]any{"client_secret": "s3cret with space&%"})
	damaged := s.putClient("fm-damaged", func([]byte) []byte {
		return []byte(`{"__encrypted_data__":"Z0FBQUFB","__encryption_version__":1}`)
	}, nil)
	inClear := s.putClient("fm-other", func(p []byte) []byte { return []byte(strings.Replace(string(p), "fm-other", "fm-swapped", 1)) }, nil)
	body := func(id, secret string) url.Values { return url.Values{"client_id": {id}, "client_secret": {secret}} }
	none := url.Values{"client_id": nil, "client_secret": nil}
	tests := map[string]struct {
		c      *client
		body   url.Values
		header header
		status int
		code   string
	}{
		"C-04 none":                                     {public, nil, nil, 200, ""},
		"C-04 post":                                     {post, nil, nil, 200, ""},
		"C-04 Basic raw":                                {byBasic, none, basic(byBasic.id, byBasic.secret), 200, ""},
		"C-04 Basic percent-encoded":                    {byBasic, none, basic(percent(byBasic.id), percent(byBasic.secret)), 200, ""},
		"6749-14 Basic in lower case":                   {byBasic, none, lowerScheme(basic(byBasic.id, byBasic.secret)), 200, ""},
		"C-04 the other way":                            {byBasic, nil, nil, 200, ""},
		"Basic and the same client_id":                  {byBasic, url.Values{"client_secret": nil}, basic(byBasic.id, byBasic.secret), 200, ""},
		"Basic for a public client":                     {public, none, basic(public.id, ""), 200, ""},
		"Bearer is no client authentication":            {public, nil, header{"Authorization": "Bearer x"}, 200, ""},
		"Bearer is no second client authentication":     {post, nil, header{"Authorization": "Bearer x"}, 200, ""},
		"DPoP is no client authentication":              {byBasic, nil, header{"Authorization": "DPoP x"}, 200, ""},
		"public with a secret that no one knows":        {public, body(public.id, "of another server"), nil, 200, ""},
		"public with a secret that no one knows, Basic": {public, none, basic(public.id, "of another server"), 200, ""},
		"FastMCP public":                                {fastmcpPublic, nil, nil, 200, ""},
		"FastMCP with secret, post":                     {fastmcpSecret, body("fm-secret", "s3cret with space&%"), nil, 200, ""},
		"FastMCP with secret, Basic encoded":            {fastmcpSecret, none, basic("fm-secret", percent("s3cret with space&%")), 200, ""},

		"6749-13 both together":           {byBasic, nil, basic(byBasic.id, byBasic.secret), 400, "invalid_request"},
		"6749-13 two clients":             {byBasic, url.Values{"client_id": {post.id}, "client_secret": nil}, basic(byBasic.id, byBasic.secret), 400, "invalid_request"},
		"6749-15 wrong secret, post":      {post, body(post.id, byBasic.secret), nil, 401, "invalid_client"},
		"6749-15 wrong secret, Basic":     {byBasic, none, basic(byBasic.id, post.secret), 401, "invalid_client"},
		"B13 without secret":              {post, url.Values{"client_secret": nil}, nil, 401, "invalid_client"},
		"B13 empty secret":                {post, url.Values{"client_secret": {""}}, nil, 401, "invalid_client"},
		"B13 empty secret, Basic":         {byBasic, none, basic(byBasic.id, ""), 401, "invalid_client"},
		"B13 secret in another case":      {post, body(post.id, strings.ToUpper(post.secret)), nil, 401, "invalid_client"},
		"6749-14 no colon":                {byBasic, none, header{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("x"))}, 401, "invalid_client"},
		"6749-14 not base64":              {byBasic, none, header{"Authorization": "Basic !!!"}, 401, "invalid_client"},
		"6749-14 nothing":                 {byBasic, none, header{"Authorization": "Basic"}, 401, "invalid_client"},
		"6749-14 zero byte":               {byBasic, none, basic("a\x00", "b"), 401, "invalid_client"},
		"6749-14 not UTF-8":               {byBasic, none, basic("\xff", "b"), 401, "invalid_client"},
		"Bearer":                          {byBasic, none, header{"Authorization": "Bearer x"}, 401, "invalid_client"},
		"Bearer and a wrong secret":       {post, body(post.id, byBasic.secret), header{"Authorization": "Bearer x"}, 401, "invalid_client"},
		"unknown client":                  {public, url.Values{"client_id": {"c_unknown"}}, nil, 401, "invalid_client"},
		"unknown client, Basic":           {public, none, basic("c_unknown", "x"), 401, "invalid_client"},
		"FastMCP with secret, without it": {fastmcpSecret, nil, nil, 401, "invalid_client"},
		"FastMCP with secret, wrong":      {fastmcpSecret, body("fm-secret", "other"), nil, 401, "invalid_client"},
		"damaged row is unknown":          {damaged, nil, nil, 401, "invalid_client"},
		"row of another id is unknown":    {inClear, nil, nil, 401, "invalid_client"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for path, form := range map[string]url.Values{
				"/token":      tt.c.exchangeForm(tt.c.code("mcp"), tt.body),
				"/revoke":     changed(tt.c.refreshForm("x", tt.body), url.Values{"token": {"unknown"}}),
				"/introspect": changed(tt.c.refreshForm("x", tt.body), url.Values{"token": {"unknown"}}),
			} {
				if path == "/introspect" && tt.status == http.StatusOK && (tt.c == public || tt.c == fastmcpPublic) {
					continue // refused there: TestIntrospectionRefused
				}
				a := s.form(path, form, tt.header)
				a.want(t, tt.status, tt.code)
				challenge := a.Header.Get("WWW-Authenticate")
				byHeader := strings.EqualFold(strings.SplitN(tt.header["Authorization"], " ", 2)[0], "Basic")
				if want := tt.status == http.StatusUnauthorized && byHeader; want != strings.HasPrefix(challenge, `Basic realm="`) {
					t.Errorf("6749-15: %s: challenge %q", path, challenge)
				}
			}
		})
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/token", strings.NewReader(byBasic.exchangeForm(byBasic.code("mcp"), none).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range []*client{byBasic, post} {
		req.Header.Add("Authorization", basic(c.id, c.secret)["Authorization"])
	}
	s.send(req).want(t, http.StatusBadRequest, "invalid_request") // 6749-13: two headers
	if !strings.Contains(s.log.String(), `"event":"client_unreadable"`) {
		t.Error("the log does not tell of the damaged row")
	}
}

// TestDamagedClientAtAuthorize: guarantee 9's exception.
func TestDamagedClientAtAuthorize(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.putClient("damaged", func([]byte) []byte { return []byte(`{"__encrypted_data__":"x","__encryption_version__":1}`) }, nil)
	s.get(c.authorizePath(), asProgram).want(t, http.StatusBadRequest, "invalid_client")
	good := s.putClient("written-by-python", s.sealed, nil)
	s.browser().visit(good.authorizePath()).shows(t, http.StatusOK, "Written by FastMCP")
}

func lowerScheme(h header) header {
	return header{"Authorization": strings.Replace(h["Authorization"], "Basic", "basic", 1)}
}

// sealed wraps a client as FastMCP does.
func (s *site) sealed(plaintext []byte) []byte {
	value, err := fastmcp.Seal(s.keys, plaintext)
	if err != nil {
		s.Fatal(err)
	}
	return value
}
