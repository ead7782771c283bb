package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// unregistered answers a client with an unknown ID at the token endpoint. The first time
// it hears that the client is unknown, as most apps then register again. Some never do, and
// come with the same ID at each start (Vercel's AI SDK): from the second time on they hear
// that the grant is gone, open the browser and are let in again. The error is the first
// answer.
func (s *Server) unregistered(w http.ResponseWriter, r *http.Request, params map[string]string, unknown error) error {
	cred, err := readCredentials(r, params)
	if err != nil || params["grant_type"] != "refresh_token" || params["refresh_token"] == "" || !s.Readopt.Lets(cred.id) {
		return unknown
	}
	again, err := s.Store.SeeUnknownClient(r.Context(), storage.HashOf(cred.id), s.Now())
	switch {
	case err != nil:
		return err
	case !again:
		return unknown
	}
	s.Logger.InfoContext(r.Context(), "unknown client came again: asking it to sign in", logging.Event, "client_unknown_again")
	w.Header().Del("WWW-Authenticate")
	return errInvalidGrant
}

// readopted is the client that an unknown id stands for, to be registered again when
// the person approves: nothing is stored before. A client that could not register
// today is not, and neither is one that is there and whose row does not open. The
// error is the page of an unknown client.
func (s *Server) readopted(id string, redirect oauth.RedirectURI, unknown error) (storage.Client, error) {
	reg, ok := s.Readopt.Readopt(id, redirect)
	if !ok || errors.Is(unknown, storage.ErrUnreadable) || s.Registration.Check(redirect) != nil {
		return storage.Client{}, errUnknownClient
	}
	reg.KeepRedirects(func(u oauth.RedirectURI) bool { return s.Registration.Check(u) == nil })
	return newClient(reg, oauth.Issued{ClientID: id, At: s.Now().Truncate(time.Second)}), nil
}

// further is a client that was registered again, as the user is asked about it when it wants
// its response at a redirect URI that it does not have: what an unknown client with its ID
// would be. Approval is for that one sign-in, so that the URI is no one else's, and the
// client stays as it is. The error is the page of a redirect URI that does not match.
func (s *Server) further(known storage.Client, redirect oauth.RedirectURI) (storage.Client, error) {
	if !known.Readopted() {
		return storage.Client{}, errRedirectURI
	}
	client, err := s.readopted(known.ID, redirect, nil)
	if err != nil {
		return storage.Client{}, errRedirectURI
	}
	client.ClaimedName = known.ClaimedName
	return client, nil
}

// unread is the client whose metadata document cannot be fetched, because its site is
// away: it is known by the one redirect URI when the person approves. kinds are the
// failures for which that is offered. Otherwise the error stays: one that says that the
// document is wrong, missing or refused, and one about a client that may not register
// today.
func (s *Server) unread(
	ctx context.Context, id string, redirect oauth.RedirectURI, problem *storage.DocumentError, kinds ...storage.FailureKind,
) (storage.Client, error) {
	reg, ok := s.Readopt.Mode.Unread(redirect)
	if !ok || !slices.Contains(kinds, problem.Kind) || s.Registration.Check(redirect) != nil {
		return storage.Client{}, problem
	}
	client := storage.Client{ID: id, Client: reg.Client, Origin: storage.OriginUnread}
	if known, err := s.Store.Client(ctx, id); err == nil {
		client.ClaimedName = known.ClaimedName // of another sign-in
	}
	return client, nil
}
