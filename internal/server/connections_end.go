package server

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// askToEnd asks whether to end connections of the user, and says what will happen.
func (s *Server) askToEnd(w http.ResponseWriter, r *http.Request, session storage.BrowserSession, secret browser) error {
	values, err := parseQuery(r)
	if err != nil {
		return err
	}
	chosen := selected(values)
	grants, err := s.chosen(r, session.User.ID, chosen)
	if err != nil {
		return err
	}
	apps, err := s.apps(r.Context(), grants)
	if err != nil {
		return err
	}
	page := pages.Ending{
		Server: s.serverView(), Number: len(grants), Back: &pages.Link{Text: "Keep access", Href: connectionsPath},
		Form: pages.Form{Action: endPath, Hidden: []pages.Field{{Name: "csrf", Value: secret.csrf(chosen.subject())}}},
	}
	for _, f := range []pages.Field{{Name: "grant", Value: chosen.grant}, {Name: "client", Value: chosen.client}, {Name: "resource", Value: chosen.resource}} {
		if f.Value != "" {
			page.Form.Hidden = append(page.Form.Hidden, f)
		}
	}
	if chosen != (selection{}) {
		page.App = &apps[0]
	}
	return page.Write(w)
}

// subject is what the CSRF token of the form is about.
func (sel selection) subject() string { return endPath + "?" + sel.values().Encode() }

var errNothingToEnd = &pageError{
	status: http.StatusNotFound, title: "There is no such connection", message: "It may have ended already.",
	next: toConnections,
}

// chosen returns the live grants that a selection means, at least one.
func (s *Server) chosen(r *http.Request, userID string, sel selection) ([]storage.Grant, error) {
	grants, _, err := s.grantsOf(r.Context(), userID)
	if err != nil {
		return nil, err
	}
	var list []storage.Grant
	for _, g := range grants {
		if sel.includes(g) {
			list = append(list, g)
		}
	}
	if len(list) == 0 {
		return nil, errNothingToEnd
	}
	return list, nil
}

// end ends connections of the user.
func (s *Server) end(w http.ResponseWriter, r *http.Request) error {
	form, session, err := s.sessionForm(w, r, func(form url.Values) string { return selected(form).subject() })
	if err != nil {
		return err
	}
	grants, err := s.chosen(r, session.User.ID, selected(form))
	if err != nil {
		return err
	}
	ctx := storage.WithActor(r.Context(), storage.Actor{Name: session.User.ID, Reference: reference(r)})
	for _, g := range grants {
		err := s.Store.RevokeUserGrant(ctx, session.User.ID, g.ID, s.Now())
		if err != nil && !errors.Is(err, storage.ErrNotFound) { // it has just ended
			return err
		}
		s.Logger.InfoContext(ctx, "connection ended by its user", logging.Event, "grant_revoked", logging.GrantID, g.ID, logging.UserID, session.User.ID)
	}
	leadTo(w, connectionsPath, http.StatusSeeOther)
	return nil
}

// sessionForm returns a form that was made for the session that sends it. subject is what
// the form is about.
func (s *Server) sessionForm(
	w http.ResponseWriter, r *http.Request, subject func(url.Values) string,
) (url.Values, storage.BrowserSession, error) {
	form, err := parseForm(r)
	if err != nil {
		return nil, storage.BrowserSession{}, err
	}
	session, secret, err := s.session(w, r)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, session, errSessionEnded
	}
	if err != nil {
		return nil, session, err
	}
	if s.checkCSRF(r, secret, subject(form), form.Get("csrf")) != nil {
		return nil, session, errForeignPageForm
	}
	return form, session, nil
}

var (
	errSessionEnded = &pageError{
		status: http.StatusForbidden, title: "You are signed out", message: "Nothing was changed. Sign in again to continue.",
		next: toConnections,
	}
	errForeignPageForm = &pageError{
		status: http.StatusForbidden, title: "This form has expired",
		message: "The page was opened in another session, or by another website. Nothing was changed.",
		next:    toConnections,
	}
)
