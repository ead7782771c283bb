package pages

import "net/http"

// Landing tells a person who opens an MCP endpoint in a browser what it is and what to
// paste into which app.
type Landing struct {
	Status int // HTTP status; 0 means 200
	Server Server
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p Landing) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	return render(w, "landing", document{
		Status: orOK(p.Status), Title: server.Name + " is an MCP server", Server: server, Page: landingView{URL: server.Resource},
	})
}

type landingView struct{ URL string }
