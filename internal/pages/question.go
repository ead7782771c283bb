package pages

import "net/http"

// Question asks an administrator whether to change something, and says what will happen.
type Question struct {
	Server Server
	Tabs   Tabs
	Title  string
	Texts  []string // what will happen
	Search *Search  // chooses what it is about; nil for nothing to choose
	Facts  []Fact
	Form   Form
	Button string // does it; "" when there is nothing to do
	Back   *Link
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p Question) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	view := questionView{
		Tabs: p.Tabs.view(), Title: clean(p.Title, maxTitle), Search: p.Search.view(), Facts: factViews(p.Facts),
		Deed: deedView{Form: p.Form, Button: clean(p.Button, maxName), Back: p.Back.view()},
	}
	for _, text := range p.Texts {
		view.Texts = append(view.Texts, clean(text, maxText))
	}
	return render(w, "question", document{
		Status: http.StatusOK, Title: view.Title + " – " + server.Name, Server: server, Form: p.Form, Wide: true, Page: view,
	})
}

type questionView struct {
	Tabs   []tabView
	Title  string
	Texts  []string
	Search *Search
	Facts  []factView
	Deed   deedView
}

// deedView is a form that destroys something, behind the gate that the consent page has.
type deedView struct {
	Form   Form
	Button string
	Back   *linkView
}
