package pages

import (
	"net/http"
	"time"
)

// Entry asks who wants to see their connections: for the password of the local provider, or
// to continue to the site of another one.
type Entry struct {
	Status   int // HTTP status; 0 means 200
	Form     Form
	Server   Server
	Provider string // who signs users in, such as "GitHub"; empty for local
	// Error and Username are those of [SignIn].
	Error, Username string
	Admin           bool // it leads to the pages for administrators
	Again           bool // the user is signed in, but has been for long
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p Entry) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	title := "Your connections at " + server.Name
	if p.Admin {
		title = "Administration of " + server.Name
	}
	if p.Error != "" {
		title = "Error: " + title
	}
	return render(w, "entry", document{
		Status: orOK(p.Status), Title: title, Server: server, Form: p.Form,
		Page: entryView{Provider: clean(p.Provider, maxName), Username: clean(p.Username, maxName), Error: clean(p.Error, maxText), Admin: p.Admin, Again: p.Again},
	})
}

// Connections shows a user the apps that can act for them, and what happened lately.
type Connections struct {
	Server Server
	// SignedInAs names the account, and Provider who signed it in; empty for local.
	SignedInAs, Provider string
	Apps                 []App
	More                 bool // there are more than Apps
	NewToken             *Link
	EndAll               *Link
	Events               []Happening
	SignOut              Form
	Admin                *Link // to the pages for administrators; nil for others
}

// App is an app that can act for the user on one MCP server, by one connection or more.
type App struct {
	Client      Client
	Token       *Token // that it is, in place of an app
	Resource    string // name of the MCP server
	Scopes      []Scope
	Connections []Connection // the newest first
	End         *Link        // leads to the question whether to end all of them
}

// Token is a token for a script.
type Token struct {
	Name string
	Ends time.Time
}

// Connection is what the user once approved.
type Connection struct {
	Since, LastUsed time.Time
	RedirectURI     string // where its answers go; "" when that is not known
	Adopted         bool   // it was taken over from the earlier server
	End             *Link
}

// Happening is an entry of the audit trail, in words.
type Happening struct {
	At   time.Time
	Text string
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p Connections) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	view := connectionsView{
		SignedInAs: clean(p.SignedInAs, maxTitle), Provider: clean(p.Provider, maxName), More: p.More,
		EndAll: p.EndAll.view(), NewToken: p.NewToken.view(), SignOut: p.SignOut, Admin: p.Admin.view(),
	}
	for _, a := range p.Apps {
		view.Apps = append(view.Apps, a.view())
	}
	for _, h := range p.Events {
		view.Events = append(view.Events, happeningView{At: newMoment(h.At), Text: clean(h.Text, maxText)})
	}
	return render(w, "connections", document{
		Status: http.StatusOK, Title: "Your connections at " + server.Name, Server: server, Page: view,
	})
}

// Ending asks whether to end connections, and says what will happen.
type Ending struct {
	Form   Form
	Server Server
	App    *App // that ends; nil for all apps
	Number int  // of connections
	Back   *Link
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p Ending) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	view := endingView{Number: p.Number, Deed: deedView{Form: p.Form, Button: "End access", Back: p.Back.view()}}
	if p.App != nil {
		app := p.App.view()
		view.App = &app
	}
	return render(w, "ending", document{
		Status: http.StatusOK, Title: "End connections at " + server.Name, Server: server, Form: p.Form, Page: view,
	})
}

type entryView struct {
	Provider, Username, Error string
	Admin, Again              bool
}

type connectionsView struct {
	SignedInAs, Provider string
	Apps                 []appView
	More                 bool
	EndAll, NewToken     *linkView
	Events               []happeningView
	SignOut              Form
	Admin                *linkView
}

type appView struct {
	Client          clientView
	Token           *tokenView
	Resource        string
	Scopes          []Scope
	Since, LastUsed moment
	Connections     []connectionView
	End             *linkView
}

type tokenView struct {
	Name string
	Ends moment
}

type connectionView struct {
	Since, LastUsed moment
	Target          *target
	Adopted         bool
	End             *linkView
}

type happeningView struct {
	At   moment
	Text string
}

type endingView struct {
	App    *appView
	Number int
	Deed   deedView
}

func (a App) view() appView {
	view := appView{
		Client: a.Client.view(), Resource: clean(a.Resource, maxName), Scopes: scopeViews(a.Scopes), End: a.End.view(),
	}
	if a.Token != nil {
		view.Token = &tokenView{Name: clean(a.Token.Name, maxName), Ends: newMoment(a.Token.Ends)}
	}
	for i, c := range a.Connections {
		if view.Since.Time.IsZero() || c.Since.Before(view.Since.Time) {
			view.Since = newMoment(c.Since)
		}
		if c.LastUsed.After(view.LastUsed.Time) {
			view.LastUsed = newMoment(c.LastUsed)
		}
		view.Connections = append(view.Connections, connectionView{
			Since: newMoment(c.Since), LastUsed: newMoment(c.LastUsed), Adopted: c.Adopted, End: c.End.view(),
		})
		if c.RedirectURI != "" {
			goal := newTarget(c.RedirectURI)
			view.Connections[i].Target = &goal
		}
	}
	return view
}

// moment is a time for people and programs. Without a script, no one knows the reader's
// time zone.
type moment struct {
	Time        time.Time
	Text, Value string
}

func newMoment(t time.Time) moment {
	t = t.UTC()
	return moment{Time: t, Text: t.Format("2 January 2006, 15:04 UTC"), Value: t.Format(time.RFC3339)}
}
