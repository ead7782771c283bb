package server

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// documentProblem is the response to a client whose metadata document or key set cannot
// be used. A failed fetch proves nothing about the client: the document may be there in a
// moment, so the response does not make the client discard its registration.
// Nothing but another client ID helps where the URL is refused as it is.
func documentProblem(err error) *oauth.Error {
	e := new(storage.DocumentError)
	switch {
	case errors.As(err, &e) && e.Invalid:
		return oauth.NewError(oauth.InvalidClient, "the client's metadata document is invalid: "+e.Reason)
	case e.Kind == storage.FailureNever:
		return oauth.NewError(oauth.InvalidClient, "the client's metadata document cannot be fetched: "+e.Reason)
	}
	return oauth.NewError(oauth.TemporarilyUnavailable, "the client's metadata document could not be fetched; try again shortly")
}

// unconfirmedFor is how long a metadata document stands in for its site at new
// sign-ins. Tokens are renewed by it however old it is.
const unconfirmedFor = 7 * 24 * time.Hour

// checkConfirmed refuses a client whose site has been away, or has had no valid
// document, for so long that no one answers for it any more. A known vendor's document
// would do if it had never been fetched, so it does however long that was ago.
//
// Where the site is away, the person may let a public client in without its document, as
// if it had never been fetched.
func (s *Server) checkConfirmed(c storage.Client) error {
	_, known := oauth.VendorDocument(c.ID)
	if !known && c.Origin == storage.OriginDocument && c.Unconfirmed && s.Now().Sub(c.ConfirmedAt) >= unconfirmedFor {
		problem := &storage.DocumentError{URL: c.ID, Reason: "it could not be fetched for a week"}
		if c.Away && allows(c, oauth.AuthMethodNone) {
			problem.Kind = storage.FailureAway
		}
		return problem
	}
	return nil
}

// mismatch is the error of a redirect URI that the client does not have. The copy of a
// document that ships with the program may be older than the app: it is no reason to
// refuse what could be approved without one.
func (s *Server) mismatch(c storage.Client, redirect oauth.RedirectURI) error {
	if _, ok := s.Readopt.Mode.Unread(redirect); ok && c.Origin == storage.OriginVendor && c.Away {
		return &storage.DocumentError{URL: c.ID, Reason: "its site cannot be reached", Kind: storage.FailureAway}
	}
	return errRedirectURI
}

// documentPage is the same as a page for users.
func documentPage(e *storage.DocumentError) *pageError {
	site := "the app’s website"
	if u, err := url.Parse(e.URL); err == nil && u.Host != "" {
		site = u.Host
	}
	if e.Invalid {
		return &pageError{
			status: http.StatusBadRequest, title: "This app's metadata is invalid",
			message: "The app is described by a document at " + site + ", which this server cannot use: " + e.Reason + ".",
			hint:    "Its developer needs to fix this. Access was not granted.",
			code:    oauth.InvalidClient,
		}
	}
	if e.Kind == storage.FailureNever {
		return &pageError{
			status: http.StatusBadRequest, title: "This app's address cannot be used",
			message: "The app is described by a document at an address that this server does not fetch from: " + e.Reason + ".",
			hint:    "Its developer needs to publish it at a public https address. Access was not granted.",
			code:    oauth.InvalidClient,
		}
	}
	return &pageError{
		status: http.StatusServiceUnavailable, title: "This app could not be looked up",
		message: "The app is described by a document at " + site + ", which this server could not fetch: " + e.Reason + ".",
		hint:    "Wait a moment, then connect again from your app. If the problem persists, tell the administrator of this server.",
		code:    oauth.TemporarilyUnavailable,
	}
}
