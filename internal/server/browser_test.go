package server_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is a person's browser: it keeps cookies, asks for HTML and fills in
// forms. It follows redirects within the site and to its provider, and stops
// where a client would be called.
type browser struct {
	s     *site
	http  http.Client
	fetch string // Sec-Fetch-Site of posts
}

func (s *site) browser() *browser {
	s.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	b := &browser{s: s, fetch: "same-origin"}
	b.http = http.Client{Transport: s, Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if req.URL.Host == hostOf(s.config.BaseURL) || s.config.Provider != nil && req.URL.Host == hostOf(s.config.Provider.Issuer()) {
			return nil
		}
		return http.ErrUseLastResponse
	}}
	return b
}

// moveTo has another replica answer the browser from now on.
func (b *browser) moveTo(s *site) { b.s, b.http.Transport = s, s }

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		panic(err)
	}
	return u.Host
}

// page is what a browser shows.
type page struct {
	answer
	at *url.URL
}

func (b *browser) visit(path string) page {
	b.s.Helper()
	return b.open(http.MethodGet, b.s.config.BaseURL+path, nil)
}

func (b *browser) open(method, address string, form url.Values) page {
	b.s.Helper()
	req, err := http.NewRequestWithContext(b.s.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.s.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if b.fetch != "" {
			req.Header.Set("Sec-Fetch-Site", b.fetch)
		}
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.s.Fatal(err)
	}
	return page{read(b.s, resp), resp.Request.URL}
}

// submit sends the page's form with what the person entered.
func (b *browser) submit(p page, entered url.Values) page {
	b.s.Helper()
	action, fields := p.form(b.s)
	return b.open(http.MethodPost, b.s.config.BaseURL+action, changed(fields, entered))
}

// form returns the page's only form.
func (p page) form(t testing.TB) (action string, fields url.Values) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	fields = url.Values{}
	for n := range root.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "form":
			action = attribute(n, "action")
		case n.Data == "input" && attribute(n, "type") == "hidden":
			fields.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	if action == "" {
		t.Fatalf("no form on the page (status %d)\n%s", p.Status, p.brief())
	}
	return action, fields
}

// link returns the target of the page's only link, "" when there is none.
func (p page) link(t testing.TB) string {
	t.Helper()
	links := p.links(t)
	if len(links) > 1 {
		t.Fatalf("the page has %d links", len(links))
	}
	for _, target := range links {
		return target
	}
	return ""
}

// links returns the targets of the page's links by their texts.
func (p page) links(t testing.TB) map[string]string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "a" {
			links[n.FirstChild.Data] = attribute(n, "href")
		}
	}
	return links
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// shows fails the test unless the page has a status and all the texts.
func (p page) shows(t testing.TB, status int, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if p.Status != status || !strings.Contains(p.Body, text) || !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			t.Errorf("got %d at %s, want %d with %q\n%s", p.Status, p.at.Path, status, text, p.brief())
		}
	}
}

var (
	approve = url.Values{"action": {"approve"}}
	deny    = url.Values{"action": {"deny"}}
	enter   = url.Values{"password": {password}}
)

// signIn goes to the consent page of the local provider.
func (b *browser) signIn(c *client, changes ...url.Values) page {
	b.s.Helper()
	return b.submit(b.visit(c.authorizePath(changes...)), enter)
}
