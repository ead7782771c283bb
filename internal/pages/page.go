package pages

import "net/http"

// Form is the form that a page posts back.
type Form struct {
	// Action is the path that the form is posted to, on this server.
	Action string
	// Hidden fields travel with the form, in order. The names "action" and
	// "password" belong to the pages themselves.
	Hidden []Field
	// FormActions are further sources for the policy's form-action, in addition to
	// 'self': each an origin ("https://github.com") or a scheme ("https:").
	// Browsers apply form-action to every redirect that answers the post, so an
	// identity provider that forwards to other hosts needs "https:". Anything
	// that is not a plain origin or scheme is left out.
	FormActions []string
}

// Field is a hidden form field.
type Field struct{ Name, Value string }

// Server is this server, in the words of its operator.
type Server struct {
	Name     string // display name; Host stands in when empty
	Host     string // host[:port] of the base URL; without it a page has no header
	Resource string // URL of the protected MCP endpoint (RFC 8707)
	Plain    bool   // reached over a network without encryption
	// Connections is the URL of the page where users see and end their connections.
	Connections string

	Logo           string  // path of an image on this server; "" for the usual mark
	Theme          *Theme  // nil for the usual colors
	Support        Support // who helps
	Terms, Privacy string  // https URLs; "" for none
}

// Support is where users get help: a mailto or https URL. The zero value is nowhere.
type Support struct{ Href, Text string }

// Link is a link to another page or back to an app.
type Link struct {
	Text string
	// Href is an http(s) URL, a path on this server, or a URL with a private-use
	// scheme (RFC 8252 section 7.1). With any other value the link is not shown.
	Href string
}

// SignIn asks for the password of the local provider, in the field "password".
type SignIn struct {
	// Status is the HTTP status; 0 means 200.
	Status int
	Form   Form
	Client Client
	Server Server
	// Error says why the last try failed; empty on the first one.
	Error string
	// Username is for password managers, which keep it with the password. It cannot be
	// changed on the page; what comes back in the field "username" is not to be read.
	Username string
}

// Write sends the page to w. An error means that the connection failed or that
// nothing was sent at all.
func (p SignIn) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	title := "Sign in to " + server.Name
	if p.Error != "" {
		// A screen reader says the title first.
		title = "Error: " + title
	}
	return render(w, "signin", document{
		Status: orOK(p.Status), Title: title, Server: server, Form: p.Form,
		Page: signInView{Client: p.Client.view(), Username: clean(p.Username, maxName), Error: clean(p.Error, maxText)},
	})
}

// Consent asks a person whether a client may act for them (RFC 6749 section
// 3.1, RFC 8252 section 8.6, MCP security best practices on confused deputies).
// The answer is the form value "action": "approve" or "deny".
type Consent struct {
	Form   Form
	Client Client
	Server Server
	// SignedInAs names the account; empty when the person signs in at the
	// provider after approving.
	SignedInAs string
	// ProviderName is who signs people in, such as "GitHub"; empty for local.
	ProviderName string
	Scopes       []Scope
	// Lends: the MCP server gets the user's access token of the provider.
	Lends bool
}

// Scope is a permission that the client asks for.
type Scope struct {
	Name        string // scope token (RFC 6749 section 3.3)
	Description string // plain words; Name stands in when empty
}

// Write sends the page to w with status 200. The client's redirect URI is added
// to form-action. An error means what it does in [SignIn.Write].
func (p Consent) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	form := p.Form
	form.FormActions = append([]string{FormActionSource(p.Client.RedirectURI)}, form.FormActions...)
	return render(w, "consent", document{
		Status: http.StatusOK, Title: "Connect an app to " + server.Name, Server: server, Form: form,
		Page: consentView{
			Client:     p.Client.view(),
			Scopes:     scopeViews(p.Scopes),
			SignedInAs: clean(p.SignedInAs, maxTitle),
			Provider:   clean(p.ProviderName, maxName),
			Lends:      p.Lends,
		},
	})
}

// Problem tells a person that something went wrong and what to do about it.
type Problem struct {
	// Status is an HTTP error status; anything outside 400 to 599 is sent as 500.
	Status         int
	Server         Server
	Title, Message string
	// Account is the account that was refused, and Provider where it is; both empty
	// when the problem is another one.
	Account, Provider string
	Hint              string // what to do next
	Code              string // OAuth error code (RFC 6749 section 4.1.2.1)
	Reference         string // what to quote to the operator
	Next              *Link  // the way on, if there is one
	Back              *Link  // the way back, such as to the app
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p Problem) Write(w http.ResponseWriter) error {
	status := p.Status
	if status < 400 || status > 599 {
		status = http.StatusInternalServerError
	}
	title := clean(p.Title, maxTitle)
	if title == "" {
		title = http.StatusText(status)
	}
	return render(w, "problem", document{
		Status: status, Title: title, Server: p.Server.view(),
		Page: problemView{
			Title: title, Message: clean(p.Message, maxText), Hint: clean(p.Hint, maxText),
			Account: clean(p.Account, maxTitle), Provider: clean(p.Provider, maxName),
			Code: clean(p.Code, maxName), Reference: clean(p.Reference, maxName), Next: p.Next.view(), Back: p.Back.view(),
		},
	})
}

// Done tells a person that nothing is left to do in this window.
type Done struct {
	Server         Server
	Title, Message string
	Connected      bool // an app may have been connected: the page says how to end that
}

// Write sends the page to w with status 200. An error means what it does in
// [SignIn.Write].
func (p Done) Write(w http.ResponseWriter) error {
	title := clean(p.Title, maxTitle)
	if title == "" {
		title = "Done"
	}
	return render(w, "done", document{
		Status: http.StatusOK, Title: title, Server: p.Server.view(),
		Page: doneView{Title: title, Connected: p.Connected, Message: clean(p.Message, maxText)},
	})
}

func orOK(status int) int {
	if status == 0 {
		return http.StatusOK
	}
	return status
}
