package server

import (
	"context"
	"net/http"
	"slices"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// mayEnter returns nil if a person may use the resource with this URI, and otherwise a
// *identity.RefusedError. It says nothing about whether the person may sign in. What is
// not known of the person lets no one in.
func (s *Server) mayEnter(uri string, who identity.Person) error {
	uri = s.canonical(uri)
	i := slices.IndexFunc(s.resources, func(r oauth.Resource) bool { return r.URI == uri })
	if i < 0 || s.Resources[i].Entry == nil || s.Resources[i].Entry.Check(who) == nil {
		return nil
	}
	return &identity.RefusedError{Login: who.Label(), Reason: "the account may not use " + s.resources[i].Name}
}

// admit decides whether a person may sign in for what a request asks for.
func (s *Server) admit(req storage.Request, who identity.Person) error {
	if err := s.Policy.Check(who); err != nil {
		return err
	}
	return s.mayEnter(req.Resource, who)
}

// notAdmitted ends the sign-in of someone with a password here who may not use what the
// client asks for.
func (s *Server) notAdmitted(r *http.Request, a storage.Authorization, b browser) error {
	req, err := s.Store.RefuseAuthorization(storage.WithReason(r.Context(), "not on the list of this resource"), a.ID, b.hash(), storage.Person{}, s.Now())
	if err != nil {
		return flowError(err)
	}
	s.logRefusedEntry(r.Context(), req.ClientID, a.UserID, req.Resource)
	return &pageError{
		status: http.StatusForbidden, title: "This account may not use this server",
		message: "Ask the administrator of this server for access.",
		code:    oauth.AccessDenied, back: s.errorLink(req, errDenied),
	}
}

func (s *Server) logRefusedEntry(ctx context.Context, client, user, resource string) {
	s.Logger.WarnContext(ctx, "user may not use this resource", logging.Event, "entry_refused",
		logging.ClientID, client, logging.UserID, user, "resource", resource)
}
