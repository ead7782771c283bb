package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/identity"
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
		status: http.StatusBadRequest, title: "This app is not registered here",
		message: "The app used a registration that this server does not know, perhaps an old one.",
		hint:    "Remove the connection in your app and add it again: it will register anew.",
		code:    oauth.InvalidClient,
	}
	errRedirectURI = &pageError{
		status: http.StatusBadRequest, title: "The return address does not match",
		message: "The app asked to be answered at an address (redirect_uri) that it did not register. Nothing was sent there.",
		hint:    "Remove the connection in your app and add it again.",
		code:    oauth.InvalidRequest,
	}
	errFlowExpired = &pageError{
		status: http.StatusBadRequest, title: "This sign-in has expired",
		message: "It was not finished in time, or the link is incomplete. Nothing was allowed.",
		hint:    "Go back to your app and connect again.",
		code:    oauth.InvalidRequest,
	}
	errFlowFinished = &pageError{
		status: http.StatusOK, title: "This sign-in is finished",
		message: "Your app has its answer. If it still waits, go back to it and connect again.",
	}
	errBodyTooLarge = &oauth.Error{
		Code: oauth.InvalidRequest, Description: "the request body is too large", Status: http.StatusRequestEntityTooLarge,
	}
)

func badRequestPage(message string) *pageError {
	return &pageError{
		status: http.StatusBadRequest, title: "This request cannot be used", message: message,
		hint: "Go back to your app and connect again.", code: oauth.InvalidRequest,
	}
}

// What transient errors ask clients to wait, in seconds.
const (
	retryAfter     = "5"
	retryAfterFull = "60" // until a registration that nobody used is old enough to go
)

// setRetryAfter says when to try again, if trying again may help: when the sign-in
// provider wants to be asked again, if it is the provider that has to be waited for.
func setRetryAfter(h http.Header, status int, err error) {
	var provider *identity.UnavailableError
	switch {
	case status == http.StatusServiceUnavailable && errors.As(err, &provider) && provider.RetryAfter > 5*time.Second:
		h.Set("Retry-After", strconv.FormatInt(int64(provider.RetryAfter/time.Second), 10))
	case status == http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter)
	case status == http.StatusTooManyRequests:
		h.Set("Retry-After", retryAfterFull)
	}
}

// problemOf is the one place where errors become answers of the protocol. What
// is neither an OAuth error nor transient is a defect: logged, never shown.
func (s *Server) problemOf(r *http.Request, err error) *oauth.Error {
	var oauthErr *oauth.Error
	switch {
	case errors.As(err, &oauthErr):
		return oauthErr
	case errors.Is(err, storage.ErrFull):
		return &oauth.Error{
			Code: oauth.TemporarilyUnavailable, Status: http.StatusTooManyRequests,
			Description: "as many clients are registered as this server allows; try again later",
		}
	case errors.Is(err, storage.ErrChanged):
		return &oauth.Error{
			Code: oauth.InvalidRequest, Status: http.StatusConflict, Description: "changed by another request at the same moment; try again",
		}
	case errors.Is(err, storage.ErrUnavailable):
		if r.Context().Err() == nil { // otherwise the client hung up, which is not the storage's fault
			s.log(r).Error("storage unavailable", "error", err)
		}
		return &oauth.Error{
			Code: oauth.TemporarilyUnavailable, Status: http.StatusServiceUnavailable,
			Description: "the server cannot reach its database; try again shortly",
		}
	case errors.Is(err, storage.ErrDocument):
		return documentProblem(err)
	case errors.Is(err, identity.ErrUnavailable):
		s.log(r).Error("sign-in provider unavailable", "error", err)
		return &oauth.Error{
			Code: oauth.TemporarilyUnavailable, Status: http.StatusServiceUnavailable,
			Description: "the sign-in provider does not answer; try again shortly",
		}
	case errors.Is(err, identity.ErrMisconfigured):
		s.log(r).Error("sign-in provider misconfigured", "error", err)
		return &oauth.Error{
			Code: oauth.ServerError, Status: http.StatusInternalServerError,
			Description: "sign-in is not set up correctly, reference " + reference(r),
		}
	}
	s.log(r).Error("internal error", "error", err)
	return &oauth.Error{
		Code: oauth.ServerError, Status: http.StatusInternalServerError,
		Description: "internal error, reference " + reference(r),
	}
}

// writeProblem answers a program with an error (RFC 6749 §5.2).
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	problem := s.problemOf(r, err)
	setRetryAfter(w.Header(), problem.Status, err)
	s.log(r).Info("refused", "error_code", string(problem.Code), "description", problem.Description)
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
		// A browser goes nowhere by itself before the person has acted: anybody
		// can register a redirect URI and send people here (RFC 9700 §4.11.2).
		page = &pageError{
			status: http.StatusBadRequest, title: "The app’s request cannot be used", message: "Reason: " + problem.Description + ".",
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
	page := &pageError{status: problem.Status, code: problem.Code, title: "This request cannot be used", message: "Reason: " + problem.Description + "."}
	switch {
	case problem.Status == http.StatusServiceUnavailable:
		page.title, page.message = "Not available right now", "Nothing was lost. Please try again in a moment."
	case errors.Is(err, identity.ErrMisconfigured):
		page.title = "Sign-in is not set up correctly"
		page.message = "Nothing is wrong on your side. The operator of this server has to mend it; the reference below is in its log."
	case problem.Status >= http.StatusInternalServerError:
		page.title, page.message = "Something went wrong", "The server could not finish this. The reference below is in its log."
	}
	return page
}

func (s *Server) showProblem(w http.ResponseWriter, r *http.Request, page *pageError) {
	setRetryAfter(w.Header(), page.status, nil)
	if page.code != "" {
		s.log(r).Info("refused", "error_code", string(page.code), "title", page.title)
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
		write = pages.Done{Server: s.serverView(), Title: page.title, Message: page.message}.Write
	}
	if err := write(w); err != nil {
		s.log(r).Warn("could not write a page", "error", err)
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

// wantsHTML says whether a browser asks; wantsJSON whether a program says so.
func wantsHTML(r *http.Request) bool { return accepts(r, "text/html") }

func wantsJSON(r *http.Request) bool { return accepts(r, "application/json") && !wantsHTML(r) }

func accepts(r *http.Request, media string) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), media)
}

// writeJSON writes an answer that nobody may keep.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	writeRawJSON(w, status, body)
}

func writeRawJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
