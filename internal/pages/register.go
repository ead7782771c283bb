package pages

import "net/http"

// NewApp is the form by which an administrator registers an app. Its fields are "name",
// "redirect_uris", "auth_method" and "jwks_uri".
type NewApp struct {
	Status                                 int // HTTP status; 0 means 200
	Server                                 Server
	Tabs                                   Tabs
	Form                                   Form
	Error                                  string // why the last try failed
	Name, RedirectURIs, AuthMethod, KeyURL string
	AuthMethods                            []Option
	Back                                   *Link
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p NewApp) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	title := "Register an app at " + server.Name
	if p.Error != "" {
		title = "Error: " + title
	}
	return render(w, "newapp", document{
		Status: orOK(p.Status), Title: title, Server: server, Form: p.Form, Wide: true, Page: newAppView{
			Tabs: p.Tabs.view(), Error: clean(p.Error, maxText), Name: clean(p.Name, maxText), RedirectURIs: clean(p.RedirectURIs, maxURI),
			KeyURL: clean(p.KeyURL, maxURI), AuthMethod: p.AuthMethod, AuthMethods: p.AuthMethods, Back: p.Back.view(),
		},
	})
}

type newAppView struct {
	Tabs                                          []tabView
	Error, Name, RedirectURIs, AuthMethod, KeyURL string
	AuthMethods                                   []Option
	Back                                          *linkView
}

// AppSecret shows an app that was registered just now, and its secret this once.
type AppSecret struct {
	Server     Server
	Tabs       Tabs
	ID, Secret string // Secret is "" for an app without one
	Next       *Link
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p AppSecret) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	return render(w, "appsecret", document{
		Status: http.StatusOK, Title: "Registered – " + server.Name, Server: server, Wide: true,
		Page: appSecretView{Tabs: p.Tabs.view(), ID: visible(p.ID, maxURI), Secret: visible(p.Secret, maxURI), Next: p.Next.view()},
	})
}

type appSecretView struct {
	Tabs       []tabView
	ID, Secret string
	Next       *linkView
}
