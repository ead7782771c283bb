package pages_test

import (
	"time"

	"github.com/mcpkeep/mcpkeep/internal/pages"
)

// administration is a list with everything that one can have.
func administration() pages.Admin {
	day := time.Date(2026, 11, 2, 9, 5, 0, 0, time.UTC)
	verified := claude
	verified.Verified = true
	return pages.Admin{
		Server: server, Tabs: tabs, Title: "Apps", SignedInAs: "octocat", Provider: "GitHub", SignOut: form,
		Search: &pages.Search{
			Action: "/admin/apps", Label: "Name, ID or address", Hint: "In any case.", Name: "q", Value: "cl", Kept: []pages.Field{{Name: "user", Value: "usr_1"}},
			Choice: &pages.Choice{Label: "Which apps", Name: "show", Value: "unused", Options: []pages.Option{{Text: "Registered"}, {Value: "unused", Text: "Never used"}}},
		},
		Notes: []string{"The filter looked at 2000 apps so far."}, Actions: []pages.Link{{Text: "Register an app", Href: "/admin/apps/register"}},
		Next: &pages.Link{Text: "Show more", Href: "/admin/apps?after=c_1"}, First: &pages.Link{Text: "Back to the beginning", Href: "/admin/apps"},
		Sections: []pages.Section{{Rows: []pages.Row{
			{
				Client: &verified, Links: []pages.Link{{Text: "Delete", Href: "/admin/apps/delete?client=c_1"}},
				Facts: []pages.Fact{
					{Name: "Redirect URIs", Code: []string{verified.RedirectURI, claudeCode.RedirectURI}}, {Name: "Registered", At: day},
					{Name: "Acts for", Link: &pages.Link{Text: "octocat", Href: "/admin/people?q=usr_1"}}, {Name: "Connections", Text: "3"}, {Name: "Nothing"},
				},
			},
			{Name: "mallory", State: "Disabled", Warns: true},
		}}},
	}
}

var tabs = pages.Tabs{Current: "/admin/apps", Links: []pages.Link{{Text: "People", Href: "/admin/people"}, {Text: "Apps", Href: "/admin/apps"}}}

func question() pages.Question {
	return pages.Question{
		Server: server, Tabs: tabs, Title: "Delete this app?", Texts: []string{"It is deleted, and 2 connections will end immediately."}, Search: &pages.Search{
			Action: "/admin/apps/prune", Choice: &pages.Choice{Label: "Registered", Name: "days", Value: "1", Options: []pages.Option{{Value: "1", Text: "yesterday"}}},
		},
		Facts: []pages.Fact{{Name: "ID", Code: []string{"c_1"}}}, Form: form, Button: "Delete", Back: &pages.Link{Text: "Keep", Href: "/admin/apps"},
	}
}

func newApp() pages.NewApp {
	return pages.NewApp{
		Status: 400, Server: server, Tabs: tabs, Form: form, Error: "This app cannot be registered.", Name: "Notes", RedirectURIs: "https://notes.example/cb",
		AuthMethod: "none", AuthMethods: []pages.Option{{Value: "none", Text: "Not at all"}, {Value: "client_secret_post", Text: "With a secret"}},
		Back: &pages.Link{Text: "Back", Href: "/admin/apps"},
	}
}
