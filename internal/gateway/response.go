package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// follow sends a request and follows one redirect.
func (u *Upstream) follow(r *http.Request, header http.Header, b *body) (*http.Response, error) {
	endpoint := u.endpoint.Load()
	response, err := u.send(r, endpoint, header, b)
	if err != nil {
		return nil, err
	}
	if next := u.redirected(endpoint, r.Method, response); next != nil {
		_ = response.Body.Close()
		u.settled.Store(false) // later bodies are kept whole until it is remembered
		if header, err = u.vouchAgain(r.Context(), header); err != nil {
			return nil, err
		}
		if response, err = u.send(r, next, header, b); err != nil {
			return nil, err
		}
		if judge(r.Method, response) == nil && response.StatusCode < http.StatusMultipleChoices {
			u.endpoint.Store(next) // not where a page is
		}
	} else if isGone(response.StatusCode) && endpoint != u.Target.URL {
		// A new version of the upstream may serve the configured URL itself. If only a session
		// is gone, the next request is redirected once more.
		u.endpoint.Store(u.Target.URL)
		u.settled.Store(false)
	}
	return response, nil
}

func isGone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

// redirected returns where a response sends the request: on the same origin, and by a status
// that keeps the method. It returns nil for every other response.
func (u *Upstream) redirected(from *url.URL, method string, response *http.Response) *url.URL {
	switch response.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	case http.StatusMovedPermanently, http.StatusFound:
		if method == http.MethodPost {
			return nil // clients make a GET of it
		}
	default:
		return nil
	}
	next, err := from.Parse(response.Header.Get("Location"))
	if err != nil || next.Scheme != from.Scheme || next.Host != from.Host || next.User != nil || *next == *from {
		return nil
	}
	return next
}

// judge decides whether a response may cross. What the upstream says of the gateway's access
// to it is not the client's business, which would try to sign in again.
func judge(method string, response *http.Response) error {
	status, kind := response.StatusCode, mediaType(response.Header)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusProxyAuthRequired:
		return errRefused
	case status == http.StatusMisdirectedRequest:
		return errRefused // it does not want our Host
	case status < 200 || status >= 300 && status < 400 || status > 599:
		return ErrBroken
	case encoded(response.Header):
		return ErrBroken // no encoding was asked for
	case isMessage(kind) && (kind != eventStream || status < http.StatusInternalServerError):
		return nil
	case status >= http.StatusInternalServerError:
		return errFailed
	case status >= http.StatusBadRequest:
		return orProblem(kind == "text/plain" || kind == "", &problem{status, CodeInvalidRequest, "The MCP server behind this address refused the request."})
	}
	empty := response.ContentLength == 0 || status == http.StatusAccepted || status == http.StatusNoContent || method == http.MethodDelete
	return orProblem(empty && kind != "text/html", ErrBroken)
}

// checkFailure lets a failure cross that is a message of JSON-RPC. Another document may tell
// anything, such as where in the server's program it happened.
func (u *Upstream) checkFailure(response *http.Response) error {
	if response.StatusCode < http.StatusInternalServerError {
		return nil
	}
	content, err := u.readWhole(response.Body)
	var message struct {
		Version string `json:"jsonrpc"`
	}
	if err != nil || json.Unmarshal(content, &message) != nil || message.Version == "" {
		return errFailed
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
	return nil
}

func orProblem(ok bool, p *problem) error {
	if ok {
		return nil
	}
	return p
}

func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && kind == "" {
		kind, _, _ = strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	}
	return strings.TrimSpace(kind)
}

// isMessage reports whether a media type is one that MCP uses.
func isMessage(kind string) bool {
	return kind == "application/json" || kind == eventStream || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

func encoded(h http.Header) bool {
	for _, value := range h.Values("Content-Encoding") {
		if value != "" && !strings.EqualFold(value, "identity") {
			return true
		}
	}
	return false
}
