package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestFormTypes: 6749-12. What clients call a form is read as one, and nothing else is.
func TestFormTypes(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	const form = "application/x-www-form-urlencoded"
	post := func(headers ...string) answer {
		return s.raw(http.MethodPost, "/token", "", c.refreshForm("unknown").Encode(), http.Header{"Content-Type": headers})
	}
	for _, headers := range [][]string{
		{form}, {"application/json, " + form}, {form + ", application/json"}, {"application/json", form}, {form, form},
		{form + "; charset="}, {form + ";charset"}, {form + "; charset=utf-8; charset=utf-8"}, {strings.ToUpper(form) + " ; Charset=UTF-8"},
	} {
		post(headers...).want(t, http.StatusBadRequest, "invalid_grant")
	}
	for _, headers := range [][]string{
		nil, {"application/json"}, {"multipart/form-data; boundary=x"}, {"application/json; x=" + form}, {form + "2"}, {"x/" + form},
		{"application/json", "multipart/form-data"},
	} {
		post(headers...).want(t, http.StatusBadRequest, "invalid_request")
	}
}

// TestScopeGranted: 6749-19, 6749-18. Whatever is asked for, the token can do something,
// and the answer says what.
func TestScopeGranted(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register(map[string]any{"scope": "openid offline_access"})
	for requested, want := range map[string]string{
		"openid": "mcp", "openid profile offline_access": "mcp offline_access", "": "mcp", "mcp:manage openid": "mcp:manage",
	} {
		b := s.browser()
		p := b.signIn(c, url.Values{"scope": {requested}})
		got := tokensOf(t, c.exchange(b.submit(p, approve).target(t, c.redirect).Get("code")))
		if got.scope != want {
			t.Errorf("6749-19: %q: got %q, want %q", requested, got.scope, want)
		}
		s.wantAccess(t, got.access, true)
		for _, again := range []string{"openid", "offline_access"} {
			got = tokensOf(t, c.refresh(got.refresh, url.Values{"scope": {again}}))
			if got.scope != want {
				t.Errorf("6749-18: refresh with %q: got %q, want %q", again, got.scope, want)
			}
		}
		s.wantAccess(t, got.access, true)
	}
}

// TestResourceWithQuery: 8707-05. A query of the client's makes no other resource, and a
// refused one is in the log, without what may be secret.
func TestResourceWithQuery(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	b := s.browser()
	p := b.signIn(c, url.Values{"resource": {resource + "?utm_source=x"}})
	code := b.submit(p, approve).target(t, c.redirect).Get("code")
	got := tokensOf(t, c.exchange(code, url.Values{"resource": {resource + "?utm_source=y"}}))
	s.wantAccess(t, got.access, true)
	tokensOf(t, c.refresh(got.refresh, url.Values{"resource": {resource + "/?z"}}))

	s.log.secret("hunter2hunter2")
	c.refresh("unknown", url.Values{"resource": {"https://me:hunter2hunter2@other.example/mcp?key=hunter2hunter2#hunter2hunter2"}}).
		want(t, http.StatusBadRequest, "invalid_target")
	s.get(c.authorizePath(url.Values{"resource": {base + "/ot\nher/" + big(1000)}}), asProgram)
	s.get(c.authorizePath(url.Values{"resource": {base + "/" + big(1000)}}), asProgram)
	s.get(c.authorizePath(url.Values{"resource": {resource + "#hunter2hunter2"}}), asProgram)
	log := s.log.String()
	if !strings.Contains(log, `"resource":"…@other.example/mcp?…"`) || !strings.Contains(log, `"resource":"`+resource+`#…"`) || strings.Count(log, `"event":"resource_refused"`) != 3 {
		t.Errorf("the log does not say what was asked for: %s", log)
	}
	if strings.Contains(log, big(201)) {
		t.Error("the log has a URL of any length")
	}
}

// TestRequestLineNamesApp: the line of a request says which app sent it.
func TestRequestLineNamesApp(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := s.register()
	agent := header{"User-Agent": `acme-cli/1.2<b>" (secret machine)`}
	line := func() string {
		lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
		return lines[len(lines)-1]
	}
	wants := func(what string, parts ...string) {
		t.Helper()
		for _, part := range append(parts, `"msg":"request"`, `"user_agent":"acme-cli/1.2b"`) {
			if !strings.Contains(line(), part) {
				t.Errorf("%s: no %s in %s", what, part, line())
			}
		}
	}
	client := `"client_id":"` + c.id + `"`
	a := s.form("/token", c.exchangeForm(c.code("mcp")), agent)
	wants("token", client, `"grant_id":"gr_`)
	access := a.member("access_token")
	s.call(access, agent)
	wants("call", client, `"grant_id":"gr_`)
	s.call("mka_unknown", agent)
	wants("refused call")
	gone := "c_" + strings.Repeat("a2", 13)
	s.form("/token", c.refreshForm("unknown", url.Values{"client_id": {gone}}), agent)
	wants("unknown client", `"client_id":"`+gone+`"`)
	for _, id := range []string{"mks_sesame", "https://app.example/client.json?token=sesame", "c_gone\u202e" + big(500)} {
		s.form("/token", c.refreshForm("unknown", url.Values{"client_id": {id}}), agent)
		s.get(c.authorizePath(url.Values{"client_id": {id}}), agent)
		if strings.Contains(s.log.String(), "sesame") || strings.Contains(line(), "client_id") {
			t.Errorf("the log has what may be a secret in the place of an ID: %s", line())
		}
	}
	s.get(c.authorizePath(), agent)
	wants("authorize", client)
	s.form("/revoke", url.Values{"client_id": {c.id}, "token": {access}}, agent)
	wants("revoke", client)
}
