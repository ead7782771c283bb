package server

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// documentProblem is what a client hears whose metadata document or key set cannot
// be used. One that could not be had says nothing about the client: it may be there
// in a moment, and nobody is told to forget anything.
func documentProblem(err error) *oauth.Error {
	if e := new(storage.DocumentError); errors.As(err, &e) && e.Invalid {
		return oauth.NewError(oauth.InvalidClient, "the client's document at its URL is not valid: "+e.Reason)
	}
	return oauth.NewError(oauth.TemporarilyUnavailable, "the client's document cannot be fetched now; try again shortly")
}

// unconfirmedFor is how long a metadata document stands in for its site at new
// sign-ins. Tokens are renewed by it however old it is.
const unconfirmedFor = 7 * 24 * time.Hour

// checkConfirmed refuses a client whose site has been away, or has had no valid
// document, for so long that nobody answers for it any more. A known vendor's document
// would do if it had never been fetched, so it does however long that was ago.
func (s *Server) checkConfirmed(c storage.Client) error {
	_, known := oauth.VendorDocument(c.ID)
	if !known && c.Origin == storage.OriginDocument && c.Unconfirmed && s.Now().Sub(c.ConfirmedAt) >= unconfirmedFor {
		return &storage.DocumentError{URL: c.ID, Reason: "its site has not given it out for a week"}
	}
	return nil
}

// documentPage tells a person the same.
func documentPage(e *storage.DocumentError) *pageError {
	site := "the app’s website"
	if u, err := url.Parse(e.URL); err == nil && u.Host != "" {
		site = u.Host
	}
	if e.Invalid {
		return &pageError{
			status: http.StatusBadRequest, title: "This app describes itself wrongly",
			message: "The app is known by a description at " + site + ", which this server cannot use: " + e.Reason + ".",
			hint:    "Its maker has to mend that. Nothing was allowed.",
			code:    oauth.InvalidClient,
		}
	}
	return &pageError{
		status: http.StatusServiceUnavailable, title: "This app cannot be looked up right now",
		message: "The app is known by a description at " + site + ", which this server could not get: " + e.Reason + ".",
		hint:    "Wait a moment, then connect again from your app. If it goes on, tell the operator of this server.",
		code:    oauth.TemporarilyUnavailable,
	}
}
