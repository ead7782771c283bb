package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
)

// RoundTrip hands a request to the handler without a network, and requests for
// other hosts to the network. What every answer must be, it checks here.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme+"://"+r.URL.Host != s.config.BaseURL {
		return http.DefaultTransport.RoundTrip(r)
	}
	in := r.Clone(r.Context())
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "192.0.2.1:1234"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	s.handler.ServeHTTP(rec, in)
	resp := rec.Result()
	resp.Request = r
	body := rec.Body.Bytes()
	s.collectSecrets(r, resp, body)
	s.checkAnswer(r, resp, string(body))
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func (s *site) checkAnswer(r *http.Request, resp *http.Response, body string) {
	s.Helper()
	name := r.Method + " " + r.URL.Path + ": " + resp.Status
	if resp.StatusCode == http.StatusInternalServerError && !s.defects {
		s.Errorf("%s %s\n%s", name, answer{Body: body}.brief(), s.log)
	}
	s.checkRedirect(name, resp)
	if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
		s.Errorf("%s without Retry-After", name)
	}
	s.checkCORS(name, r, resp)
	s.checkCaching(name, r, resp)
	media := resp.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(media, "text/html"):
		s.checkPage(name, resp.Header, body)
	case media == "application/json" && !strings.Contains(body, `"jsonrpc"`):
		s.checkJSON(name, resp, body)
	}
}

// checkRedirect: 9700-11. A redirect never makes the browser send a form again.
func (s *site) checkRedirect(name string, resp *http.Response) {
	s.Helper()
	redirects := resp.StatusCode >= 300 && resp.StatusCode < 400
	if redirects && resp.StatusCode != http.StatusFound && resp.StatusCode != http.StatusSeeOther {
		s.Errorf("%s: a redirect with this status", name)
	}
}

// isAPI says which routes programs on any origin may call.
func (s *site) isAPI(path string) bool {
	switch path {
	case "/register", "/token", "/revoke", "/introspect", server.VerifyPath:
		return true
	}
	if slices.ContainsFunc(s.config.Resources, func(r server.Resource) bool { return path == r.Path || path == r.Path+"/" }) {
		return true
	}
	id, managed := strings.CutPrefix(path, "/register/")
	return strings.HasPrefix(path, "/.well-known/") || managed && id != "" && !strings.Contains(id, "/")
}

// checkCORS: C-08, 9700-06, D10.
func (s *site) checkCORS(name string, r *http.Request, resp *http.Response) {
	s.Helper()
	want := ""
	if s.isAPI(r.URL.Path) && resp.StatusCode != http.StatusForbidden {
		want = "*"
	}
	got := resp.Header.Get("Access-Control-Allow-Origin")
	if got != want && resp.StatusCode != http.StatusForbidden {
		s.Errorf("%s with Access-Control-Allow-Origin %q, want %q", name, got, want)
	}
	for header := range resp.Header {
		if header == "Access-Control-Allow-Credentials" || want == "" && got == "" && strings.HasPrefix(header, "Access-Control-") {
			s.Errorf("%s with %s", name, header)
		}
	}
}

// checkCaching: 6749-17, D11.
func (s *site) checkCaching(name string, r *http.Request, resp *http.Response) {
	s.Helper()
	got := resp.Header.Get("Cache-Control")
	switch {
	case r.Method == http.MethodOptions:
	case (strings.HasPrefix(r.URL.Path, "/.well-known/") || r.URL.Path == "/logo") && resp.StatusCode == http.StatusOK:
		if got != "public, max-age=300" && (got != "no-store" || r.URL.Path != server.JWKSPath) {
			s.Errorf("%s with Cache-Control %q", name, got)
		}
	case resp.StatusCode == http.StatusSeeOther: // the answer to a POST is not kept
	case got != "no-store":
		s.Errorf("%s with Cache-Control %q, want no-store", name, got)
	}
}

var referencePattern = regexp.MustCompile(`Reference</dt><dd class="code">([a-z0-9]+)<`)

// checkPage: A9, 6749-23, 9700-07, 9700-14.
func (s *site) checkPage(name string, h http.Header, body string) {
	s.Helper()
	for header, want := range map[string]string{
		"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := h.Get(header); got != want {
			s.Errorf("%s: page with %s %q, want %q", name, header, got, want)
		}
	}
	policy := h.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(policy, directive) {
			s.Errorf("%s: page with the policy %q, want %s", name, policy, directive)
		}
	}
	if m := referencePattern.FindStringSubmatch(body); len(m) == 2 && !strings.Contains(s.log.String(), `"reference":"`+m[1]+`"`) {
		s.Errorf("%s: the page's reference %s is not in the log", name, m[1])
	}
}

var descriptionPattern = regexp.MustCompile(`^[\x20-\x21\x23-\x5b\x5d-\x7e]+$`)

// checkJSON: C-13, 6749-16, 6750-05.
func (s *site) checkJSON(name string, resp *http.Response, body string) {
	s.Helper()
	if resp.Request != nil && resp.Request.Method == http.MethodHead {
		return
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		s.Errorf("%s: %v in %q", name, err, body)
	}
	if hasNull(members) {
		s.Errorf("%s: null in %s", name, body)
	}
	_, health := members["status"]
	if resp.StatusCode < 400 || health {
		return
	}
	if code, _ := members["error"].(string); !descriptionPattern.MatchString(code) {
		s.Errorf("%s: no error code in %s", name, body)
	}
	if text, _ := members["error_description"].(string); !descriptionPattern.MatchString(text) {
		s.Errorf("%s: description with forbidden characters in %s", name, body)
	}
	if len(members) != 2 {
		s.Errorf("%s: members besides error and error_description in %s", name, body)
	}
}

func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, member := range v {
			if hasNull(member) {
				return true
			}
		}
	case []any:
		for _, element := range v {
			if hasNull(element) {
				return true
			}
		}
	}
	return false
}

// collectSecrets notes what went over the wire and must not be in the log.
func (s *site) collectSecrets(r *http.Request, resp *http.Response, body []byte) {
	var issued struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Secret  string `json:"client_secret"`
		Manage  string `json:"registration_access_token"`
	}
	_ = json.Unmarshal(body, &issued) // pages are not JSON
	s.log.secret(issued.Access, issued.Refresh, issued.Secret, issued.Manage)
	for _, c := range resp.Cookies() {
		s.log.secret(c.Value)
	}
	for _, raw := range []string{r.URL.String(), resp.Header.Get("Location")} {
		if u, err := url.Parse(raw); err == nil {
			q := u.Query()
			s.log.secret(q.Get("code"), q.Get("state"), q.Get("access_token"), q.Get("code_challenge"))
		}
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		s.log.secret(token)
	}
}

// checkLog: C12. Nothing secret is in the log, however the test went.
func (s *site) checkLog() {
	text := s.log.String()
	for _, secret := range append(s.log.secrets, password) {
		if strings.Contains(text, secret) {
			s.Errorf("the log holds the secret %q:\n%s", secret, text)
			return
		}
	}
	for _, kind := range []oauth.TokenKind{
		oauth.KindAccessToken, oauth.KindRefreshToken, oauth.KindCode, oauth.KindClientSecret, oauth.KindRegistrationToken,
	} {
		if strings.Contains(text, string(kind)) {
			s.Errorf("the log holds something that begins with %s:\n%s", kind, text)
		}
	}
}
