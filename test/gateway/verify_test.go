package gateway_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestVerify: a proxy can ask about each upstream of a file, except one whose rules need the
// body, of which the log says so. A token for one lets no one in at another.
func TestVerify(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	p, _ := configured(t, `{"mcpServers": {"default": {"url": "`+u.url+`"}, "third": {"url": "https://mcp.example.com/mcp"},
		"ruled": {"url": "`+u.url+`", "rules": [{"tools": ["delete_*"], "allow": {"users": ["someone-else"]}}]}}}`)
	tokens := map[string]string{
		"default": signInAt(t, p, "/mcp").AccessToken, "third": signInAt(t, p, "/third/mcp").AccessToken, "ruled": signInAt(t, p, "/ruled/mcp").AccessToken,
	}
	for upstream, status := range map[string]int{"default": http.StatusOK, "third": http.StatusOK, "ruled": http.StatusInternalServerError, "mcpkeep": http.StatusNotFound} {
		for of, token := range tokens {
			want := status
			if status == http.StatusOK && of != upstream {
				want = http.StatusUnauthorized
			}
			response := ask(t, p.URL+"/auth/verify?upstream="+upstream, token)
			user := response.Header.Get("X-Mcpkeep-User")
			if response.StatusCode != want || (user != "") != (want == http.StatusOK && upstream == "default") { // a third party learns nothing unasked
				t.Errorf("%s with a token for %s: %d, user %q; want %d", upstream, of, response.StatusCode, user, want)
			}
		}
	}
	if text := p.Logs.String(); !strings.Contains(text, `"upstream":"ruled","error":"its rules are about the body`) {
		t.Errorf("the log does not say why: %s", text)
	}
	if len(u.seen) > 0 {
		t.Error("mcpkeep asked the upstream")
	}
}

func ask(t *testing.T, url, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response
}
