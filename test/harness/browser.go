package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxSteps bounds the pages and redirects of one visit.
const maxSteps = 20

// Browser is a person with a browser: it keeps cookies, follows redirects, and
// fills in the forms of the sign-in and consent pages. It is for one goroutine.
type Browser struct {
	Password string
	Deny     bool     // press "deny" where there is a choice
	Sites    []string // origins that are followed in addition to the first one, such as the identity provider's

	// Fields are what goes into text fields, by their names.
	Fields map[string]string

	http *http.Client
	jar  *cookiejar.Jar
}

// NewBrowser returns a browser without cookies. The transport may be nil.
func NewBrowser(through http.RoundTripper) *Browser {
	jar, _ := cookiejar.New(nil) // never fails
	return &Browser{Password: Password, jar: jar, http: &http.Client{
		Jar: jar, Transport: through, Timeout: requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// SetCookie adds a cookie of a site.
func (b *Browser) SetCookie(u *url.URL, c *http.Cookie) { b.jar.SetCookies(u, []*http.Cookie{c}) }

// Cookies returns the cookies that go to a URL.
func (b *Browser) Cookies(u *url.URL) []*http.Cookie { return b.jar.Cookies(u) }

// Page is an answer that a person sees, or a redirect that leaves the sites.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	Left   *url.URL // where a redirect led out of the sites, otherwise nil
}

// Visit opens an authorization URL and does what the pages ask until a redirect
// leaves the sites; it returns where that led.
func (b *Browser) Visit(ctx context.Context, target string) (*url.URL, error) {
	page, err := b.Open(ctx, target)
	for range maxSteps {
		if err != nil || page.Left != nil {
			break
		}
		page, err = b.Submit(ctx, page)
	}
	if err != nil {
		return nil, err
	}
	if page.Left == nil {
		return nil, errors.New("the pages never end")
	}
	return page.Left, nil
}

// Open loads a page, following redirects.
func (b *Browser) Open(ctx context.Context, target string) (*Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return nil, err
	}
	return b.follow(req, append(slices.Clone(b.Sites), origin(req.URL)))
}

// Hidden returns the hidden fields of the page's form.
func (p *Page) Hidden() (url.Values, error) {
	form, err := parseForm(p.Body)
	if err != nil {
		return nil, err
	}
	return form.values, nil
}

// Submit fills in the page's form and sends it. A page with an error comes with an
// [Error].
func (b *Browser) Submit(ctx context.Context, page *Page) (*Page, error) {
	form, err := parseForm(page.Body)
	if err != nil {
		return nil, &Error{Status: page.Status, Header: page.Header, Code: "page", Description: pageText(page.Body)}
	}
	if form.hasPassword {
		form.values.Set("password", b.Password)
	}
	switch {
	case form.buttons["deny"] && b.Deny:
		form.values.Set("action", "deny")
	case form.buttons["approve"]:
		form.values.Set("action", "approve")
	}
	for _, name := range form.texts {
		form.values.Set(name, b.Fields[name])
	}
	action, err := page.URL.Parse(form.action)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, action.String(), strings.NewReader(form.values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", origin(page.URL))
	next, err := b.follow(req, append(slices.Clone(b.Sites), origin(page.URL)))
	if err == nil && next.Left == nil && next.Status >= http.StatusBadRequest {
		return next, &Error{Status: next.Status, Header: next.Header, Code: "page", Description: pageText(next.Body)}
	}
	return next, err
}

// follow sends a request and follows redirects as far as they stay on the sites.
func (b *Browser) follow(req *http.Request, sites []string) (*Page, error) {
	for range maxSteps {
		page, err := b.send(req)
		if err != nil {
			return nil, err
		}
		location := page.Header.Get("Location")
		if page.Status < 300 || page.Status > 399 || location == "" {
			return page, nil
		}
		target, err := req.URL.Parse(location)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(sites, origin(target)) {
			page.Left = target
			return page, nil
		}
		if req, err = http.NewRequestWithContext(req.Context(), http.MethodGet, target.String(), http.NoBody); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("too many redirects at %s", req.URL)
}

func (b *Browser) send(req *http.Request) (*Page, error) {
	req.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	res, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return &Page{URL: req.URL, Status: res.StatusCode, Header: res.Header, Body: string(body)}, err
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// webForm is the first form of a page.
type webForm struct {
	action      string
	values      url.Values
	hasPassword bool
	texts       []string        // names of the text fields
	buttons     map[string]bool // values of the buttons named action
}

// parseForm finds the page's form.
func parseForm(body string) (*webForm, error) {
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	var form *webForm
	for node := range doc.Descendants() {
		switch {
		case node.Type != html.ElementNode:
		case node.Data == "form" && form == nil:
			form = &webForm{action: attribute(node, "action"), values: url.Values{}, buttons: map[string]bool{}}
		case form != nil:
			form.add(node)
		}
	}
	if form == nil {
		return nil, errors.New("the page has no form")
	}
	return form, nil
}

func (f *webForm) add(node *html.Node) {
	name, value := attribute(node, "name"), attribute(node, "value")
	switch {
	case node.Data == "input" && attribute(node, "type") == "hidden":
		f.values.Add(name, value)
	case node.Data == "input" && name == "password":
		f.hasPassword = true
	case node.Data == "input" && (attribute(node, "type") == "checkbox" || attribute(node, "type") == "radio"):
		if hasAttribute(node, "checked") {
			f.values.Add(name, value)
		}
	case node.Data == "option" && hasAttribute(node, "selected"):
		f.values.Set(attribute(node.Parent, "name"), value)
	case node.Data == "input" && name != "":
		f.texts = append(f.texts, name)
	case node.Data == "button" && name == "action":
		f.buttons[value] = true
	}
}

// Links are the targets of a page's links by their texts.
func (p *Page) Links() map[string]string {
	links := map[string]string{}
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return links
	}
	for node := range doc.Descendants() {
		if node.Data == "a" && node.FirstChild != nil {
			links[node.FirstChild.Data] = attribute(node, "href")
		}
	}
	return links
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(node *html.Node, name string) bool {
	return slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// pageText is what a person reads on a page, for error messages.
func pageText(body string) string {
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	var text bytes.Buffer
	for node := range doc.Descendants() {
		if node.Type == html.TextNode && node.Parent.Data != "style" && node.Parent.Data != "title" {
			text.WriteString(node.Data + " ")
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}
