package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed style.css
var style string

// templates are parsed once: a template that does not parse stops the program
// at start and the package's tests before that.
var templates = func() map[string]*template.Template {
	layout := template.Must(template.ParseFS(templateFiles, "templates/layout.html", "templates/client.html"))
	set := map[string]*template.Template{}
	for _, name := range []string{"signin", "consent", "problem", "done", "landing", "entry", "connections", "ending", "newtoken", "token", "admin", "question", "newapp", "appsecret"} {
		page := template.Must(layout.Clone())
		set[name] = template.Must(page.ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return set
}()

// document is what the layout needs of any page.
type document struct {
	Status int
	Title  string
	Server Server
	Form   Form
	Wide   bool // for lists
	Page   any
}

// Style is trusted: it is part of the program.
func (d document) Style() template.CSS { return d.Server.Theme.orUsual().sheet }

type signInView struct {
	Client          clientView
	Username, Error string
}

type consentView struct {
	Client               clientView
	Scopes               []Scope
	SignedInAs, Provider string
	Lends                bool
}

type problemView struct {
	Title, Message, Hint, Code, Reference string
	Account, Provider                     string
	Next, Back                            *linkView
}

type doneView struct {
	Title, Message string
	Connected      bool
}

// render sends a page. It renders into memory first, so that a page is sent
// whole or not at all.
func render(w http.ResponseWriter, name string, doc document) error {
	var body bytes.Buffer
	if err := templates[name].ExecuteTemplate(&body, "layout", doc); err != nil {
		return fmt.Errorf("pages: render %s: %w", name, err)
	}
	setHeaders(w.Header(), doc)
	w.WriteHeader(doc.Status)
	if _, err := body.WriteTo(w); err != nil {
		return fmt.Errorf("pages: send %s: %w", name, err)
	}
	return nil
}

func (s Server) view() Server {
	host := visible(s.Host, maxURI)
	name := clean(s.Name, maxName)
	switch {
	case name != "":
	case host != "":
		name = host
	default:
		name = "this server"
	}
	s.Name, s.Host, s.Resource, s.Connections = name, host, visible(s.Resource, maxURI), visible(s.Connections, maxURI)
	s.Support.Text = visible(s.Support.Text, maxURI)
	return s
}

func scopeViews(scopes []Scope) []Scope {
	views := make([]Scope, len(scopes))
	for i, s := range scopes {
		views[i] = Scope{Name: visible(s.Name, maxName), Description: clean(s.Description, maxText)}
	}
	return views
}

// linkView is a link whose target may be followed.
type linkView struct {
	Text string
	Href template.URL
}

// view returns nil for a link that is absent or not to be followed.
func (l *Link) view() *linkView {
	if l == nil {
		return nil
	}
	u, err := url.Parse(l.Href)
	if err != nil || !linkable(u) {
		return nil
	}
	text := clean(l.Text, maxTitle)
	if text == "" {
		text = "Go back"
	}
	// html/template trusts http, https and mailto only and would blank an app's
	// own scheme; linkable has looked at it.
	return &linkView{Text: text, Href: template.URL(u.String())} //nolint:gosec // linkable lets no scheme through that runs code
}

func linkable(u *url.URL) bool {
	switch {
	case u.Scheme == "":
		return u.Host == "" && strings.HasPrefix(u.Path, "/")
	case isHTTP(u):
		return u.Hostname() != ""
	default:
		return !slices.Contains(webSchemes, u.Scheme)
	}
}
