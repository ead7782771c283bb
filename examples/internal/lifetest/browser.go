package lifetest

import (
	"context"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	field  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	action = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
)

// visit is a person with a browser: it opens an authorization request, enters the
// password, approves, and returns where the last redirect leads.
func visit(ctx context.Context, target string) (*url.URL, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	site, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	browser := http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host != site.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	for range 5 {
		if err != nil {
			return nil, err
		}
		var resp *http.Response
		if resp, err = browser.Do(req); err != nil {
			return nil, err
		}
		if location, err := resp.Location(); err == nil {
			_ = resp.Body.Close()
			return location, nil
		}
		req, err = submit(ctx, resp)
	}
	return nil, errors.New("the pages never end")
}

// submit fills in a page's form.
func submit(ctx context.Context, resp *http.Response) (*http.Request, error) {
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	to := action.FindSubmatch(body)
	if err != nil || to == nil {
		return nil, errors.Join(err, errors.New("the page has no form: "+resp.Status))
	}
	form := url.Values{"password": {Password}, "action": {"approve"}}
	for _, f := range field.FindAllSubmatch(body, -1) {
		form.Add(html.UnescapeString(string(f[1])), html.UnescapeString(string(f[2])))
	}
	target, err := resp.Request.URL.Parse(html.UnescapeString(string(to[1])))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(form.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", target.Scheme+"://"+target.Host)
	}
	return req, err
}

// call sends a request with a token and returns the status.
func call(t *testing.T, endpoint, token string) int {
	t.Helper()
	time.Sleep(time.Second) // a guard elsewhere may use an answer that long
	return do(t, http.MethodPost, endpoint, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
		"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "Authorization", "Bearer "+token)
}

func do(t *testing.T, method, target, body string, headers ...string) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// Listen returns a listener on a free port of this machine, and the URL that leads to it.
func Listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, "http://" + l.Addr().String()
}

// Serve serves until the test ends.
func Serve(t *testing.T, l net.Listener, h http.Handler) {
	t.Helper()
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
}
