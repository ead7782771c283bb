package server

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const adminRegisterPath = adminAppsPath + "/register"

// describing are the fields of the form that describe an app.
var describing = []string{"name", "redirect_uris", "auth_method", "jwks_uri"}

// registerSubject is what the CSRF token of the form is about: the ID, which the form has so
// that an app that is sent twice is registered once.
func registerSubject(values url.Values) string {
	return withQuery(adminRegisterPath, only(values, "id"))
}

// askToRegister shows the form.
func (s *Server) askToRegister(w http.ResponseWriter, r *http.Request, a admin) error {
	if !s.isFresh(a.BrowserSession) {
		return s.askForSession(w, r, entry{next: nextAfter(r), again: true})
	}
	return s.showRegister(w, a, oauth.NewID("c"), "")
}

func (s *Server) showRegister(w http.ResponseWriter, a admin, id, problem string) error {
	page := pages.NewApp{
		Server: s.serverView(), Tabs: s.adminTabs(adminAppsPath), Error: problem, Back: &pages.Link{Text: "Back", Href: adminAppsPath},
		Name: a.values.Get("name"), RedirectURIs: a.values.Get("redirect_uris"), AuthMethod: a.values.Get("auth_method"), KeyURL: a.values.Get("jwks_uri"),
		AuthMethods: []pages.Option{
			{Value: oauth.AuthMethodNone, Text: "Not at all (a public client)"}, {Value: oauth.AuthMethodClientSecretBasic, Text: "With a secret (client_secret_basic)"},
			{Value: oauth.AuthMethodClientSecretPost, Text: "With a secret (client_secret_post)"}, {Value: oauth.AuthMethodPrivateKeyJWT, Text: "With keys (private_key_jwt)"},
		},
		Form: pages.Form{Action: adminRegisterPath, Hidden: []pages.Field{
			{Name: "id", Value: id}, {Name: "csrf", Value: a.secret.csrf(registerSubject(url.Values{"id": {id}}))},
		}},
	}
	if problem != "" {
		page.Status = http.StatusBadRequest
	}
	return page.Write(w)
}

var errRegisteredBefore = &pageError{
	status: http.StatusConflict, title: "This app is registered", message: "The form was sent before. Its secret was shown once, and cannot be shown again.",
	hint: "If you have lost it, delete the app and register it again.", next: &pages.Link{Text: "Apps", Href: adminAppsPath},
}

// registerApp registers an app that an administrator vouches for, and shows its secret. With a
// sign-in that is not fresh any more, it leads to the form again, as it was filled in.
func (s *Server) registerApp(w http.ResponseWriter, r *http.Request) error {
	a, err := s.adminForm(w, r, registerSubject)
	if err != nil {
		return err
	}
	if !s.isFresh(a.BrowserSession) {
		leadTo(w, withQuery(adminRegisterPath, only(a.values, describing...)), http.StatusSeeOther)
		return nil
	}
	id := a.values.Get("id")
	reg, err := oauth.Described{
		Name: a.values.Get("name"), RedirectURIs: strings.Fields(a.values.Get("redirect_uris")),
		AuthMethod: a.values.Get("auth_method"), JWKSURI: a.values.Get("jwks_uri"),
	}.Registration()
	var refused *oauth.Error
	switch {
	case errors.As(err, &refused):
		return s.showRegister(w, a, id, "This app cannot be registered: "+refused.Description+".")
	case err != nil:
		return err
	}
	client := storage.Client{ID: id, Client: reg.Client, CreatedAt: s.Now().UTC().Truncate(time.Second), Origin: storage.OriginOperator}
	var secret string
	if reg.NeedsSecret() {
		secret = oauth.NewClientSecret()
		client.SecretHash = storage.HashOf(secret)
	}
	ctx := storage.WithActor(r.Context(), storage.Actor{Name: a.User.ID, Reference: reference(r)})
	err = s.Store.CreateClient(ctx, client)
	if errors.Is(err, storage.ErrExists) {
		return errRegisteredBefore
	}
	if err != nil {
		return err
	}
	s.Logger.InfoContext(ctx, "an administrator changed something", logging.Path, adminRegisterPath, logging.UserID, a.User.ID, logging.ClientID, id)
	return pages.AppSecret{
		Server: s.serverView(), Tabs: s.adminTabs(adminAppsPath), ID: id, Secret: secret,
		Next: &pages.Link{Text: "Done", Href: withQuery(adminAppsPath, url.Values{"q": {id}})},
	}.Write(w)
}
