package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/identity/githubtest"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/server"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// onlyNotes lets some people use the second resource.
func onlyNotes(users ...string) []server.Resource {
	tell := http.HandlerFunc(tellResource)
	return []server.Resource{
		{Path: "/mcp", Handler: tell},
		{Path: "/notes/mcp", Title: "Notes", Entry: &identity.Policy{Users: users}, Handler: tell},
	}
}

// TestEntryAtConsent: someone who may sign in and is not on the list of a resource gets no
// code for it.
func TestEntryAtConsent(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.Resources = onlyNotes("someone-else") })
	c, b := s.register(), s.browser()
	b.submit(b.signIn(c, url.Values{"resource": {notes}}), approve).shows(t, http.StatusForbidden, "This account may not use this server")
	if a := b.submit(b.signIn(c), approve); a.target(t, c.redirect).Get("code") == "" {
		t.Errorf("the other resource is closed as well: %d", a.Status)
	}
}

// TestEntryFromProvider: the same for someone whom a provider signs in, and the page names
// the resource.
func TestEntryFromProvider(t *testing.T) {
	t.Parallel()
	gh := githubtest.New(t)
	gh.AddUser(githubtest.User{ID: 7, Login: "octocat"})
	gh.AddUser(githubtest.User{ID: 8, Login: "hubot"})
	s := start(t, onGitHub(gh, identity.Policy{Users: []string{"octocat", "hubot"}}, 5*time.Second), func(set *setup) { set.Resources = onlyNotes("hubot") })
	c := s.register()
	for login, status := range map[string]int{"octocat": http.StatusForbidden, "hubot": http.StatusFound} {
		gh.SignInAs(login)
		a := s.browser().approveAt(c, url.Values{"resource": {notes}})
		if a.Status != status && a.Status != http.StatusSeeOther {
			t.Errorf("%s got %d", login, a.Status)
		}
		if refused := strings.Contains(a.Body, "the account may not use Notes"); refused != (login == "octocat") {
			t.Errorf("%s sees %s", login, a.Body)
		}
	}
}

// TestEntryInUse: someone who is taken off the list is refused at the next call and the next
// refresh.
func TestEntryInUse(t *testing.T) {
	t.Parallel()
	list := onlyNotes(identity.Local{}.Person().Login)
	s := start(t, func(set *setup) { set.Resources = list })
	c, b := s.register(), s.browser()
	at := url.Values{"resource": {notes}}
	code := b.submit(b.signIn(c, at, url.Values{"scope": {"mcp offline_access"}}), approve).target(t, c.redirect).Get("code")
	got := tokensOf(t, c.exchange(code, at))
	if a := s.callAt("/notes/mcp", got.access); a.Status != http.StatusOK {
		t.Fatalf("someone on the list got %d", a.Status)
	}
	list[1].Entry.Users = []string{"someone-else"}
	s.callAt("/notes/mcp", got.access).want(t, http.StatusUnauthorized, "invalid_token")
	c.refresh(got.refresh).want(t, http.StatusBadRequest, "invalid_grant")
	list[1].Entry.Users = nil // no one is on an empty list
	s.callAt("/notes/mcp", got.access).want(t, http.StatusUnauthorized, "invalid_token")
	list[1].Entry.Users = []string{identity.Local{}.Person().Login}
	if got = tokensOf(t, c.refresh(got.refresh)); s.callAt("/notes/mcp", got.access).Status != http.StatusOK {
		t.Error("someone who is on the list again stays out")
	}
}

// TestEntryEndsCalls: whether an open call may continue depends on the list as well.
func TestEntryEndsCalls(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) { set.Resources = protecting(http.HandlerFunc(tellResource)) })
	got := s.register().connect()
	for login, continues := range map[string]bool{owner().Login: true, "someone-else": false} {
		cfg := s.config
		cfg.Resources = []server.Resource{{Path: "/mcp", Entry: &identity.Policy{Users: []string{login}}, Handler: http.HandlerFunc(tellResource)}}
		srv, err := server.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if stillValid, err := server.Watch(t.Context(), srv, storage.HashOf(got.access)); err != nil || stillValid() != continues {
			t.Errorf("with %s on the list a call continues: %v", login, !continues)
		}
	}
}

// TestOfferedScopes: what a resource offers is in its metadata, is granted with the basic
// scope when a client asks, is described on the page, and means nothing elsewhere.
func TestOfferedScopes(t *testing.T) {
	t.Parallel()
	tell := http.HandlerFunc(tellResource)
	s := start(t, func(set *setup) {
		set.Resources = []server.Resource{
			{Path: "/mcp", Handler: tell},
			{Path: "/notes/mcp", Offered: []oauth.Scope{{Name: "notes:write", Description: "Change notes"}}, Handler: tell},
		}
	})
	if body := s.get("/.well-known/oauth-protected-resource/notes/mcp").Body; !strings.Contains(body, `"scopes_supported":["mcp","notes:write"]`) {
		t.Errorf("metadata %s", body)
	}
	for at, want := range map[string]string{notes: "mcp notes:write", resource: "mcp"} {
		c, b := s.register(), s.browser()
		change := url.Values{"resource": {at}, "scope": {"notes:write"}}
		consent := b.signIn(c, change)
		if shown := strings.Contains(consent.Body, "Change notes"); shown != (at == notes) {
			t.Errorf("%s: the page shows the scope: %v", at, shown)
		}
		code := b.submit(consent, approve).target(t, c.redirect).Get("code")
		got := tokensOf(t, c.exchange(code, url.Values{"resource": {at}}))
		if got.scope != want {
			t.Errorf("%s: granted %q, want %q", at, got.scope, want)
		}
		if again := tokensOf(t, c.refresh(got.refresh, url.Values{"scope": {"notes:write"}})); again.scope != want {
			t.Errorf("%s: refreshed %q, want %q", at, again.scope, want)
		}
	}
}

// TestNoDefaultResource: without an endpoint at /mcp, a request that names no resource means
// none, and there is no document at the root.
func TestNoDefaultResource(t *testing.T) {
	t.Parallel()
	s := start(t, func(set *setup) {
		set.Resources = []server.Resource{{Path: "/notes/mcp", Handler: http.HandlerFunc(tellResource)}}
	})
	c := s.register()
	for name, list := range map[string][]string{"none": nil, "the origin": {base}, "another": {resource}} {
		a := s.get(c.authorizePath(url.Values{"resource": list}), asProgram)
		if got := a.target(t, c.redirect).Get("error"); got != "invalid_target" {
			t.Errorf("%s: %q", name, got)
		}
	}
	s.get("/.well-known/oauth-protected-resource", asProgram).want(t, http.StatusNotFound, "invalid_request")
	if a := s.get("/.well-known/oauth-protected-resource/notes/mcp"); a.Status != http.StatusOK {
		t.Errorf("its own document: %d", a.Status)
	}
}

// TestMaxBody: a message may be as large as its resource says.
func TestMaxBody(t *testing.T) {
	t.Parallel()
	tell := http.HandlerFunc(tellResource)
	s := start(t, func(set *setup) { set.Resources = []server.Resource{{Path: "/mcp", MaxBody: 2048, Handler: tell}} })
	got := s.register().connect()
	for size, status := range map[int]int{2048: http.StatusOK, 2049: http.StatusRequestEntityTooLarge} {
		if a := s.do(http.MethodPost, "/mcp", big(size), header{"Authorization": "Bearer " + got.access}); a.Status != status {
			t.Errorf("%d bytes: %d, want %d", size, a.Status, status)
		}
	}
}
