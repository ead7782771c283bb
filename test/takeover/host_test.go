//go:build takeover

package takeover_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// host is a program with an MCP client: it keeps its tokens in a file and its session open,
// refreshes when it gets 401, and comes again after 503 and when no one answers. It has no
// browser: what a host would open one for fails the test.
type host struct {
	t       *testing.T
	id      int
	server  string
	file    string
	http    *http.Client
	seen    *tally
	session string // "" for none
	name    string // of the server that the session is at
}

// errAgain means that the server is not there for the moment.
var errAgain = errors.New("come again")

// errBrowser means that the host would sign in again.
var errBrowser = errors.New("the browser would open")

// held reads the token file.
func (h *host) held() (kept held, err error) {
	data, err := os.ReadFile(h.file)
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	return kept, err
}

// hold writes the token file as a whole: the host may be killed, too.
func (h *host) hold(kept held) error {
	data, err := json.Marshal(kept)
	if err == nil {
		err = os.WriteFile(h.file+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(h.file+".new", h.file)
	}
	return err
}

// reply is what a server answers.
type reply struct {
	status  int
	session string
	body    string
}

// post sends a message of MCP, with the token of the file, refreshed if need be.
func (h *host) post(session, message string) (r reply, err error) {
	for range 2 {
		var kept held
		if kept, err = h.held(); err != nil {
			return r, err
		}
		header := http.Header{
			"Authorization": {"Bearer " + kept.Access}, "Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"},
		}
		if session != "" {
			header.Set("Mcp-Session-Id", session)
			header.Set("Mcp-Protocol-Version", "2025-06-18")
		}
		if r, err = h.send("/mcp", message, header); err != nil || r.status != http.StatusUnauthorized {
			return r, err
		}
		if err := h.refresh(kept); err != nil {
			return r, err
		}
	}
	return r, errAgain // the new token has expired: this machine is slow
}

// refresh replaces the tokens in the file.
func (h *host) refresh(kept held) error {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {kept.Refresh}, "client_id": {kept.Client}}
	r, err := h.send("/token", form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	if err != nil {
		return err
	}
	var o outcome
	if err := json.Unmarshal([]byte(r.body), &o.tokens); err != nil || r.status != http.StatusOK || o.tokens.Refresh == "" {
		h.t.Errorf("a refresh gets %d %s", r.status, o.tokens.Error)
		return errBrowser
	}
	h.seen.refreshed(o.tokens.Access)
	return h.hold(held{Access: o.tokens.Access, Refresh: o.tokens.Refresh, Client: kept.Client})
}

// send sends a request. The error is errAgain when the server is not there for the moment.
func (h *host) send(path, body string, header http.Header) (r reply, err error) {
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.server+path, strings.NewReader(body))
	if err != nil {
		return r, err
	}
	req.Header = header
	res, err := h.http.Do(req)
	if err != nil {
		h.seen.missed("no answer")
		return r, errAgain
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	switch {
	case res.StatusCode == http.StatusServiceUnavailable, res.StatusCode == http.StatusTooManyRequests:
		if res.Header.Get("Retry-After") == "" {
			h.t.Errorf("%s: %s without Retry-After", path, res.Status)
		}
		h.seen.missed(res.Status)
		return r, errAgain
	case err != nil:
		h.seen.missed("half an answer")
		return r, errAgain
	}
	return reply{res.StatusCode, res.Header.Get("Mcp-Session-Id"), string(data)}, nil
}

// use calls a tool of the server, in a session that it opens if it has none.
func (h *host) use() error {
	if h.session == "" {
		if err := h.open(); err != nil {
			return err
		}
	}
	tool, want := "whoami", "user-"
	if h.name == python4 {
		tool, want = "ping", "pong"
	}
	r, err := h.post(h.session, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"`+tool+`","arguments":{}}}`)
	switch {
	case err != nil:
		return err
	case r.status == http.StatusNotFound, h.name == python4 && strings.Contains(r.body, "tool not found"): // of the server that is gone
		h.session = ""
		h.seen.missed("session not found")
		return errAgain
	case r.status != http.StatusOK, !strings.Contains(r.body, want):
		return h.unexpected(tool, r)
	}
	return nil
}

// open opens a session.
func (h *host) open() error {
	first, err := h.post("", initialize)
	if err != nil {
		return err
	}
	if first.status != http.StatusOK {
		return h.unexpected("initialize", first)
	}
	second, err := h.post(first.session, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	if err != nil {
		return err
	}
	if second.status != http.StatusAccepted {
		return h.unexpected("initialized", second)
	}
	h.session, h.name = first.session, "mcpkeep"
	if strings.Contains(first.body, `"Python"`) {
		h.name = python4
	}
	return nil
}

// unexpected fails the test for an answer that is no success. Under load FastMCP fails now and
// then, and clients come again.
func (h *host) unexpected(what string, r reply) error {
	if r.status >= http.StatusInternalServerError && !h.seen.moved.Load() {
		h.seen.missed("500 at FastMCP")
		return errAgain
	}
	h.t.Errorf("%s gets %d %.300s", what, r.status, r.body)
	return errBrowser
}

// ahead refreshes before every third use, as clients do that do not wait for 401.
func (h *host) ahead(i int) error {
	if i%3 != 0 {
		return nil
	}
	kept, err := h.held()
	if err == nil {
		err = h.refresh(kept)
	}
	return err
}

// run uses the server until the test is over, and fails it when the browser would open.
func (h *host) run(over <-chan struct{}) {
	last := time.Now()
	for i := h.id; ; i++ {
		pause := 2 * time.Second
		err := h.ahead(i)
		if err == nil {
			err = h.use()
		}
		switch {
		case err == nil:
			h.seen.served(h.name, h.id, time.Since(last))
			last = time.Now()
		case errors.Is(err, errAgain):
			pause = 200 * time.Millisecond
		default:
			h.t.Errorf("a host stops: %v", err)
			return
		}
		select {
		case <-over:
			return
		case <-time.After(pause):
		}
	}
}
