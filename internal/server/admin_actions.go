package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// freshFor is how long ago an administrator may have authenticated who changes something.
const freshFor = 15 * time.Minute

func (s *Server) isFresh(session storage.BrowserSession) bool {
	return s.Now().Sub(session.AuthenticatedAt) < freshFor
}

// adminAction is something that administrators do, after a page that says what will happen.
type adminAction struct {
	path, tab string
	params    []string // that say what it is about
	ask       func(context.Context, admin) (pages.Question, error)
	// do takes the storage step of the command of the same name, and returns the page to show
	// then.
	do func(context.Context, admin) (next string, err error)
}

// adminActions are the actions with a question and an answer.
func (s *Server) adminActions() []adminAction {
	return []adminAction{
		{adminDisablePath, adminPeoplePath, []string{"user"}, s.askToDisable, s.disableUser},
		{adminEnablePath, adminPeoplePath, []string{"user"}, s.askToEnable, s.enableUser},
		{adminDeletePath, adminAppsPath, []string{"client"}, s.askToDelete, s.deleteApp},
		{adminPrunePath, adminAppsPath, []string{"days", "before"}, s.askToPrune, s.pruneApps},
		{adminEndPath, adminConnectionsPath, []string{"grant", "user", "client"}, s.askToEndGrants, s.endGrants},
	}
}

// subject is what the CSRF token of the form is about.
func (a adminAction) subject(values url.Values) string {
	return withQuery(a.path, only(values, a.params...))
}

// asking shows what an action will do.
func (s *Server) asking(action adminAction) adminHandler {
	return func(w http.ResponseWriter, r *http.Request, a admin) error {
		if !s.isFresh(a.BrowserSession) {
			return s.askForSession(w, r, entry{next: nextAfter(r), again: true})
		}
		question, err := action.ask(r.Context(), a)
		if err != nil {
			return err
		}
		question.Server, question.Tabs = s.serverView(), s.adminTabs(action.tab)
		question.Form.Action = action.path
		chosen := url.Values{}
		for _, name := range action.params {
			for _, f := range question.Form.Hidden {
				if f.Name == name {
					chosen.Set(name, f.Value)
				}
			}
		}
		question.Form.Hidden = append(question.Form.Hidden, pages.Field{Name: "csrf", Value: a.secret.csrf(action.subject(chosen))})
		return question.Write(w)
	}
}

// doing does what an action's page has announced. With a sign-in that is not fresh any more,
// it leads to that page again, which asks for one.
func (s *Server) doing(action adminAction) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		a, err := s.adminForm(w, r, action.subject)
		if err != nil {
			return err
		}
		next := action.subject(a.values)
		if s.isFresh(a.BrowserSession) {
			ctx := storage.WithActor(r.Context(), storage.Actor{Name: a.User.ID, Reference: reference(r)})
			if next, err = action.do(ctx, a); err != nil {
				return err
			}
			s.Logger.InfoContext(ctx, "an administrator changed something", logging.Path, action.path, logging.UserID, a.User.ID)
		}
		leadTo(w, next, http.StatusSeeOther)
		return nil
	}
}

// adminForm returns a form that was made for the session of an administrator.
func (s *Server) adminForm(w http.ResponseWriter, r *http.Request, subject func(url.Values) string) (admin, error) {
	form, session, err := s.sessionForm(w, r, subject)
	if err == nil {
		err = s.mayAdminister(session.User)
	}
	return admin{session, s.secretOf(r, sessionCookie), form}, err
}

// hidden are the fields of a form with those parameters that have a value.
func hidden(values url.Values, names ...string) []pages.Field {
	var fields []pages.Field
	for _, name := range names {
		if v := values.Get(name); v != "" {
			fields = append(fields, pages.Field{Name: name, Value: v})
		}
	}
	return fields
}

// gone turns storage.ErrNotFound into a page: another administrator may have been faster.
func gone(err error, list string) error {
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return &pageError{
		status: http.StatusNotFound, title: "It is not there any more", message: "Another administrator may have been faster. Nothing was changed.",
		next: &pages.Link{Text: "Back to the list", Href: list},
	}
}
