package pages

import (
	"net/http"
	"time"
)

// Tabs lead from one page for administrators to the others, and back to the user's own page.
type Tabs struct {
	Links   []Link
	Current string // target of the one that is open
}

// Admin is a page for administrators: a list, or the state of the server.
type Admin struct {
	Server Server
	Tabs   Tabs
	Title  string
	Search *Search // nil for a page without a filter
	// Notes say what the list leaves out.
	Notes    []string
	Actions  []Link
	Sections []Section
	// Next leads to further rows, First back to the beginning of the whole list; nil for none.
	Next, First *Link
	// SignedInAs names the account, and Provider who signed it in; empty for local.
	SignedInAs, Provider string
	SignOut              Form
}

// Search is a filter that is sent with GET to Action.
type Search struct {
	Action            string
	Label, Hint, Name string
	Value             string
	Choice            *Choice
	Kept              []Field // parameters that stay as they are
}

// Choice is a list to choose one of.
type Choice struct {
	Label, Name, Value string
	Options            []Option
}

// Option is an entry of a choice.
type Option struct{ Value, Text string }

// Section is a part of a page, with a heading unless Title is empty.
type Section struct {
	Title, Note string
	Facts       []Fact
	Rows        []Row
	Empty       string // says that there are no rows
}

// Row is an entry of a list: an app, or whatever Name says.
type Row struct {
	Name   string
	Client *Client
	// State is a word that stands out, such as "Disabled"; Warns is for one that matters.
	State string
	Warns bool
	Facts []Fact
	Links []Link
}

// Fact is something that is known of a row. One without value is not shown.
type Fact struct {
	Name string
	Text string
	Code []string  // identifiers and URIs
	At   time.Time // shown after Text
	Link *Link
}

// Write sends the page to w. An error means what it does in [SignIn.Write].
func (p Admin) Write(w http.ResponseWriter) error {
	server := p.Server.view()
	view := adminView{
		Tabs: p.Tabs.view(), Title: clean(p.Title, maxTitle), Search: p.Search.view(), Next: p.Next.view(), First: p.First.view(),
		SignedInAs: clean(p.SignedInAs, maxTitle), Provider: clean(p.Provider, maxName), SignOut: p.SignOut, Actions: linkViews(p.Actions),
	}
	for _, note := range p.Notes {
		view.Notes = append(view.Notes, clean(note, maxText))
	}
	for _, s := range p.Sections {
		view.Sections = append(view.Sections, s.view())
	}
	return render(w, "admin", document{
		Status: http.StatusOK, Title: view.Title + " at " + server.Name, Server: server, Wide: true, Page: view,
	})
}

type adminView struct {
	Tabs                        []tabView
	Title, SignedInAs, Provider string
	Search                      *Search
	Notes                       []string
	Actions                     []linkView
	Sections                    []sectionView
	Next, First                 *linkView
	SignOut                     Form
}

type tabView struct {
	linkView

	Current bool
}

type sectionView struct {
	Title, Note, Empty string
	Facts              []factView
	Rows               []rowView
}

type rowView struct {
	Name, State string
	Client      *clientView
	Warns       bool
	Facts       []factView
	Links       []linkView
}

type factView struct {
	Name, Text string
	Code       []string
	At         *moment
	Link       *linkView
}

func (t Tabs) view() []tabView {
	var views []tabView
	for _, l := range t.Links {
		if v := l.view(); v != nil {
			views = append(views, tabView{*v, l.Href == t.Current})
		}
	}
	return views
}

func linkViews(links []Link) []linkView {
	var views []linkView
	for _, l := range links {
		if v := l.view(); v != nil {
			views = append(views, *v)
		}
	}
	return views
}

func (s *Search) view() *Search {
	if s == nil {
		return nil
	}
	view := *s
	view.Value = clean(s.Value, maxText)
	return &view
}

func (s Section) view() sectionView {
	view := sectionView{
		Title: clean(s.Title, maxTitle), Note: clean(s.Note, maxText), Empty: clean(s.Empty, maxText), Facts: factViews(s.Facts),
	}
	for _, r := range s.Rows {
		row := rowView{
			Name: clean(r.Name, maxTitle), State: clean(r.State, maxTitle), Warns: r.Warns, Facts: factViews(r.Facts), Links: linkViews(r.Links),
		}
		if r.Client != nil {
			client := r.Client.view()
			row.Client = &client
		}
		view.Rows = append(view.Rows, row)
	}
	return view
}

func factViews(facts []Fact) []factView {
	var views []factView
	for _, f := range facts {
		view := factView{Name: clean(f.Name, maxTitle), Text: clean(f.Text, maxText), Link: f.Link.view()}
		for _, c := range f.Code {
			if c != "" {
				view.Code = append(view.Code, visible(c, maxURI))
			}
		}
		if !f.At.IsZero() {
			at := newMoment(f.At)
			view.At = &at
		}
		if view.Text != "" || view.Code != nil || view.At != nil || view.Link != nil {
			views = append(views, view)
		}
	}
	return views
}
