package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/display"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/recheck"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// tokenPath is the page where users make personal tokens.
const tokenPath = connectionsPath + "/token"

// tokenDays are the lives of personal tokens to choose from.
var tokenDays = []int{7, 30, defaultTokenDays, 180, 365}

const defaultTokenDays = 90

var errNoPersonalTokens = &pageError{
	status: http.StatusForbidden, title: "No tokens for you here", message: "The administrator of this server does not let this account make tokens.",
	next: toConnections,
}

// tokenSubject is what the CSRF token of the form is about: the ID, which the form has so that
// a form that is sent twice makes one token.
func tokenSubject(form url.Values) string { return withQuery(tokenPath, only(form, "id")) }

var errMadeBefore = &pageError{
	status: http.StatusConflict, title: "This token is made", message: "The form was sent before. Its token was shown once, and cannot be shown again.",
	hint: "If you have lost it, end it and make another one.", next: toConnections,
}

// askForToken asks what a new personal token is to be for.
func (s *Server) askForToken(w http.ResponseWriter, _ *http.Request, session storage.BrowserSession, secret browser) error {
	if !s.mayHavePersonal(session.User) {
		return errNoPersonalTokens
	}
	form := url.Values{"id": {storage.NewOrderedID(storage.GrantIDPrefix, s.Now())}}
	return s.showTokenForm(w, session.User, secret, form, "")
}

// showTokenForm shows the form, as it was filled in, and what is wrong with that.
func (s *Server) showTokenForm(w http.ResponseWriter, user storage.User, secret browser, form url.Values, problem string) error {
	resources, scopes := s.tokenChoices(user)
	if len(resources) > 0 && problem == "" {
		resources[0].Chosen = true
	}
	for _, list := range []struct {
		field   string
		choices []pages.TokenOption
	}{{"resource", resources}, {"scope", scopes}} {
		for i, c := range list.choices {
			list.choices[i].Chosen = c.Chosen || slices.Contains(form[list.field], c.Value)
		}
	}
	page := pages.NewToken{
		Server: s.serverView(), Error: problem, Name: form.Get("name"), Resources: resources, Scopes: scopes, Back: toConnections,
		Form: pages.Form{Action: tokenPath, Hidden: []pages.Field{
			{Name: "id", Value: form.Get("id")}, {Name: "csrf", Value: secret.csrf(tokenSubject(form))},
		}},
	}
	chosen, err := strconv.Atoi(form.Get("days"))
	if err != nil || !slices.Contains(tokenDays, chosen) {
		chosen = defaultTokenDays
	}
	for _, days := range tokenDays {
		page.Days = append(page.Days, pages.TokenOption{Value: strconv.Itoa(days), Text: strconv.Itoa(days) + " days", Chosen: days == chosen})
	}
	return page.Write(w)
}

// tokenChoices are the MCP servers that a user may use, and the scopes that mean something there.
func (s *Server) tokenChoices(user storage.User) (resources, scopes []pages.TokenOption) {
	names := []string{oauth.ScopeManage}
	if s.isListedAdmin(user) {
		names = append(names, oauth.ScopeAdmin)
	}
	add := func(found []oauth.Scope) {
		for _, sc := range found {
			if !slices.ContainsFunc(scopes, func(c pages.TokenOption) bool { return c.Value == sc.Name }) {
				scopes = append(scopes, pages.TokenOption{Value: sc.Name, Text: sc.Description})
			}
		}
	}
	add(oauth.DescribeScopes(strings.Join(names, " ")))
	for _, r := range s.resources {
		if s.mayEnter(r.URI, recheck.PersonOf(user.Person)) == nil {
			resources = append(resources, pages.TokenOption{Value: r.URI, Text: r.Name + " (" + r.URI + ")"})
			add(r.Offered)
		}
	}
	return resources, scopes
}

// makeToken makes a personal token and shows it, once.
func (s *Server) makeToken(w http.ResponseWriter, r *http.Request) error {
	form, session, err := s.sessionForm(w, r, tokenSubject)
	if err != nil {
		return err
	}
	if !s.mayHavePersonal(session.User) {
		return errNoPersonalTokens
	}
	value, now := oauth.NewPersonalToken(), s.Now()
	t, problem := s.newToken(form, session.User, now)
	if problem == "" {
		t.Token = storage.HashOf(value)
		err = s.Store.CreatePersonalToken(storage.WithActor(r.Context(), storage.Actor{Name: session.User.ID, Reference: reference(r)}), t, now)
		switch {
		case errors.Is(err, storage.ErrFull):
			problem = "You have " + strconv.Itoa(storage.MaxPersonalTokens) + " tokens already. End one first."
		case err != nil:
			return tokenRefused(err)
		}
	}
	if problem != "" {
		return s.showTokenForm(w, session.User, s.secretOf(r, sessionCookie), form, problem)
	}
	s.Logger.InfoContext(r.Context(), "personal token made", logging.Event, string(storage.EventPersonalTokenMade),
		logging.GrantID, t.GrantID, logging.UserID, session.User.ID)
	return pages.MadeToken{Server: s.serverView(), Name: t.Name, Value: value, Ends: t.ExpiresAt, Back: toConnections}.Write(w)
}

// newToken reads the form. The problem is for the user.
func (s *Server) newToken(form url.Values, user storage.User, now time.Time) (t storage.NewPersonalToken, problem string) {
	days, err := strconv.Atoi(form.Get("days"))
	if err != nil || !slices.Contains(tokenDays, days) {
		return t, "Choose when the token ends."
	}
	t.Name = display.Line(strings.TrimSpace(form.Get("name")), storage.LongestTokenName)
	if t.Name == "" {
		return t, "The token needs a name."
	}
	resources, scopes := s.tokenChoices(user)
	if t.Resources = chosenOf(resources, form["resource"]); len(t.Resources) == 0 {
		return t, "Choose what the token has access to."
	}
	names := chosenOf(scopes, form["scope"])
	for _, r := range s.resources {
		if slices.Contains(t.Resources, r.URI) {
			names = append(names, oauth.ParseScope(r.RequiredScope())...)
		}
	}
	t.Scope, _ = oauth.PersonalScope(names) // which exist
	t.GrantID, t.UserID, t.NeedsProvider = form.Get("id"), user.ID, s.redirects()
	t.ExpiresAt = now.Add(time.Duration(days) * 24 * time.Hour)
	return t, ""
}

// chosenOf are the values that were offered and chosen.
func chosenOf(offered []pages.TokenOption, values []string) (list []string) {
	for _, c := range offered {
		if slices.Contains(values, c.Value) {
			list = append(list, c.Value)
		}
	}
	return list
}

// tokenRefused is the page of a user who cannot have a token now.
func tokenRefused(err error) error {
	switch {
	case errors.Is(err, storage.ErrExists):
		return errMadeBefore
	case errors.Is(err, storage.ErrUnconfirmed):
		return &pageError{
			status: http.StatusForbidden, title: "Sign in again first",
			message: "A token works as long as your account does, so this server must be able to ask about it. No token was made.",
			hint:    "Sign out here, sign in again and make the token within an hour.", next: toConnections,
		}
	case errors.Is(err, storage.ErrDisabled), errors.Is(err, storage.ErrNotFound):
		return errDisabledAtPage
	}
	return err
}
