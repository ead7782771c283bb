package pages

import (
	"net/http"
	"time"
)

// NewToken asks what a token for a script is to be for. The fields of the form are "name",
// "resource" and "scope", each of which may come several times, and "days".
type NewToken struct {
	Form      Form
	Server    Server
	Error     string // why the last try failed; empty on the first one
	Name      string // of the last try
	Resources []TokenOption
	Scopes    []TokenOption // besides what every token may do; may be empty
	Days      []TokenOption // of which one is chosen
	Back      *Link
}

// TokenOption is something to choose.
type TokenOption struct {
	Value, Text string
	Chosen      bool
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p NewToken) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	title, status := "New token at "+server.Name, http.StatusOK
	if p.Error != "" {
		title, status = "Error: "+title, http.StatusBadRequest
	}
	return render(w, "newtoken", document{
		Status: status, Title: title, Server: server, Form: p.Form, Page: newTokenView{
			Error: clean(p.Error, maxText), Name: clean(p.Name, maxName), Resources: tokenOptions(p.Resources), Scopes: tokenOptions(p.Scopes),
			Days: tokenOptions(p.Days), Back: p.Back.view(),
		},
	})
}

// MadeToken shows a token, once.
type MadeToken struct {
	Server Server
	Name   string
	Value  string
	Ends   time.Time
	Back   *Link
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p MadeToken) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	return render(w, "token", document{
		Status: http.StatusOK, Title: "Your token at " + server.Name, Server: server,
		Page: madeTokenView{Name: clean(p.Name, maxName), Value: visible(p.Value, maxURI), Ends: newMoment(p.Ends), Back: p.Back.view()},
	})
}

type newTokenView struct {
	Error, Name             string
	Resources, Scopes, Days []TokenOption
	Back                    *linkView
}

type madeTokenView struct {
	Name, Value string
	Ends        moment
	Back        *linkView
}

func tokenOptions(list []TokenOption) []TokenOption {
	views := make([]TokenOption, len(list))
	for i, c := range list {
		views[i] = TokenOption{Value: visible(c.Value, maxURI), Text: clean(c.Text, maxText), Chosen: c.Chosen}
	}
	return views
}
