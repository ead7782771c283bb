package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// pageError is an error that a person reads.
type pageError struct {
	status               int
	title, message, hint string
	code                 oauth.Code // for a client that asked for JSON
	account, provider    string     // who was refused, where that is what it is about
	next, back           *pages.Link
}

func (e *pageError) Error() string { return e.title + ": " + e.message }

// redirectError is an error that belongs to the client, once client and
// redirect URI are known to be good.
type redirectError struct {
	authorization authorization
	err           error
}

func (e *redirectError) Error() string { return e.err.Error() }
func (e *redirectError) Unwrap() error { return e.err }

var (
	errUnknownClient = &pageError{
		status: http.StatusBadRequest, title: "This app is not registered",
		message: "The app used a registration that this server does not have. It may be outdated.",
		hint:    "Remove the connection in your app and add it again: the app then registers again.",
		code:    oauth.InvalidClient,
	}
	errRedirectURI = &pageError{
		status: http.StatusBadRequest, title: "The redirect URI does not match",
		message: "The app requested a response at an address (redirect_uri) that it did not register. Nothing was sent there.",
		hint:    "Remove the connection in your app and add it again.",
		code:    oauth.InvalidRequest,
	}
	errFlowExpired = &pageError{
		status: http.StatusBadRequest, title: "This sign-in has expired",
		message: "It was not completed in time, or the link is incomplete. Access was not granted.",
		hint:    "Go back to your app and connect again.",
		code:    oauth.InvalidRequest,
	}
	errFlowFinished = &pageError{
		status: http.StatusOK, title: "This sign-in is complete",
		message: "Your app has received its response. If it is still waiting, go back to it and connect again.",
	}
	errBodyTooLarge = &oauth.Error{
		Code: oauth.InvalidRequest, Description: "the request body is too large", Status: http.StatusRequestEntityTooLarge,
	}
)

func badRequestPage(message string) *pageError {
	return &pageError{
		status: http.StatusBadRequest, title: "This request is invalid", message: message,
		hint: "Go back to your app and connect again.", code: oauth.InvalidRequest,
	}
}

// What transient errors ask clients to wait, in seconds.
const (
	retryAfter     = "5"
	retryAfterBusy = "2"
	retryAfterFull = "3" // registrations that no one used become old enough to go all the time
)

// setRetryAfter says when to try again, if trying again may help: when the sign-in
// provider wants to be asked again, if it is the provider that has to be waited for.
func setRetryAfter(h http.Header, status int, err error) {
	var provider *identity.UnavailableError
	switch {
	case status == http.StatusServiceUnavailable && errors.As(err, &provider) && provider.RetryAfter > 5*time.Second:
		h.Set("Retry-After", strconv.FormatInt(int64(provider.RetryAfter/time.Second), 10))
	case status == http.StatusServiceUnavailable && isBusy(err):
		h.Set("Retry-After", retryAfterBusy)
	case status == http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter)
	case status == http.StatusTooManyRequests:
		h.Set("Retry-After", retryAfterFull)
	}
}

// isBusy reports whether a request was refused because of others in progress.
func isBusy(err error) bool {
	var problem *oauth.Error
	return errors.Is(err, storage.ErrBusy) || errors.As(err, &problem) && problem.Description == errTooBusy.Description
}

// problemOf is the one place where errors become answers of the protocol. What
// is neither an OAuth error nor transient is a defect: logged, never shown.
func (s *Server) problemOf(r *http.Request, err error) *oauth.Error {
	var oauthErr *oauth.Error
	switch {
	case errors.As(err, &oauthErr):
		return oauthErr
	case errors.Is(err, storage.ErrBusy):
		return errTooBusy
	case errors.Is(err, storage.ErrFull):
		return &oauth.Error{
			Code: oauth.TemporarilyUnavailable, Status: http.StatusTooManyRequests,
			Description: "the maximum number of clients is reached; try again later",
		}
	case errors.Is(err, storage.ErrChanged):
		return &oauth.Error{
			Code: oauth.InvalidRequest, Status: http.StatusConflict, Description: "changed by a concurrent request; try again",
		}
	case errors.Is(err, storage.ErrUnavailable):
		s.Logger.ErrorContext(r.Context(), "storage unavailable", logging.Error, err)
		return &oauth.Error{
			Code: oauth.TemporarilyUnavailable, Status: http.StatusServiceUnavailable,
			Description: "the server cannot reach its database; try again shortly",
		}
	case errors.Is(err, storage.ErrDocument):
		return documentProblem(err)
	case errors.Is(err, identity.ErrUnavailable):
		s.Logger.ErrorContext(r.Context(), "sign-in provider unavailable", logging.Error, err)
		return &oauth.Error{
			Code: oauth.TemporarilyUnavailable, Status: http.StatusServiceUnavailable,
			Description: "the sign-in provider is not responding; try again shortly",
		}
	case errors.Is(err, identity.ErrMisconfigured):
		s.Logger.ErrorContext(r.Context(), "sign-in provider misconfigured", logging.Error, err)
		return &oauth.Error{
			Code: oauth.ServerError, Status: http.StatusInternalServerError,
			Description: "sign-in is not set up correctly, reference " + reference(r),
		}
	}
	s.Logger.ErrorContext(r.Context(), "internal error", logging.Error, err)
	return &oauth.Error{
		Code: oauth.ServerError, Status: http.StatusInternalServerError,
		Description: "internal error, reference " + reference(r),
	}
}

// writeProblem answers a program with an error (RFC 6749 §5.2).
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	problem := s.problemOf(r, err)
	setRetryAfter(w.Header(), problem.Status, err)
	s.Logger.InfoContext(r.Context(), "refused", "error_code", string(problem.Code), "description", problem.Description)
	writeJSON(w, problem.Status, problem)
}

// writePage answers a person with an error.
func (s *Server) writePage(w http.ResponseWriter, r *http.Request, err error) {
	var page *pageError
	var redirect *redirectError
	switch {
	case errors.As(err, &page):
	case errors.As(err, &redirect):
		problem := s.problemOf(r, redirect.err)
		if !wantsHTML(r) {
			_ = s.redirectError(w, r, redirect.authorization.request, problem)
			return
		}
		// A browser goes nowhere by itself before the person has acted: anyone
		// can register a redirect URI and send people here (RFC 9700 §4.11.2).
		page = &pageError{
			status: http.StatusBadRequest, title: "The app’s request is invalid", message: "Reason: " + problem.Description + ".",
			code: problem.Code, back: s.errorLink(redirect.authorization.request, problem),
		}
	default:
		page = s.pageOf(r, err)
	}
	s.showProblem(w, r, page)
}

// pageOf turns any other error into a page.
func (s *Server) pageOf(r *http.Request, err error) *pageError {
	problem := s.problemOf(r, err)
	if e := new(storage.DocumentError); errors.As(err, &e) {
		return documentPage(e)
	}
	page := &pageError{status: problem.Status, code: problem.Code, title: "This request is invalid", message: "Reason: " + problem.Description + "."}
	switch {
	case problem.Status == http.StatusServiceUnavailable:
		page.title, page.message = "Not available right now", "Nothing was lost. Try again in a moment."
	case errors.Is(err, identity.ErrMisconfigured):
		page.title = "Sign-in is not set up correctly"
		page.message = "This is not your fault. The server's administrator needs to fix this; the server log has details under the reference below."
	case problem.Status >= http.StatusInternalServerError:
		page.title, page.message = "Something went wrong", "The server could not complete the request. The server log has details under the reference below."
	}
	return page
}

func (s *Server) showProblem(w http.ResponseWriter, r *http.Request, page *pageError) {
	setRetryAfter(w.Header(), page.status, nil)
	if page.code != "" {
		s.Logger.InfoContext(r.Context(), "refused", "error_code", string(page.code), "title", page.title)
	}
	if wantsJSON(r) && page.code != "" {
		writeJSON(w, page.status, &oauth.Error{Code: page.code, Description: describe(page, reference(r))})
		return
	}
	write := pages.Problem{
		Status: page.status, Server: s.serverView(), Title: page.title, Message: page.message, Hint: page.hint,
		Account: page.account, Provider: page.provider,
		Reference: reference(r), Next: page.next, Back: page.back, Code: string(page.code),
	}.Write
	if page.status == http.StatusOK {
		write = pages.Done{Server: s.serverView(), Title: page.title, Message: page.message, Connected: true}.Write
	}
	if err := write(w); err != nil && r.Context().Err() == nil {
		s.Logger.WarnContext(r.Context(), "could not write the page", logging.Error, err)
	}
}

// describe is a page's text for a program, within RFC 6749's character set.
func describe(page *pageError, ref string) string {
	text := page.title + ". " + page.message
	if page.status >= http.StatusInternalServerError {
		text += " Reference: " + ref
	}
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return -1
		}
		return c
	}, text)
}

// wantsHTML reports whether a browser asks; wantsJSON whether a program says so.
func wantsHTML(r *http.Request) bool { return accepts(r, "text/html") }

func wantsJSON(r *http.Request) bool { return accepts(r, "application/json") && !wantsHTML(r) }

func accepts(r *http.Request, media string) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), media)
}

// writeJSON writes an answer that no one may keep.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	writeRawJSON(w, status, body)
}

// writeRawJSON leaves body as it is: several requests may write the same one.
func writeRawJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
	_, _ = io.WriteString(w, "\n")
}
