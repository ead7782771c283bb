package server

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// adminEvents shows the audit trail, the newest events first.
func (s *Server) adminEvents(w http.ResponseWriter, r *http.Request, a admin) error {
	values := only(a.values, "type", "user", "client", "grant", "before")
	f := storage.EventFilter{
		Type: storage.EventType(values.Get("type")), UserID: values.Get("user"), ClientID: values.Get("client"), GrantID: values.Get("grant"),
	}
	before := values.Get("before")
	if _, valid := storage.EventIDTime(before); before != "" && !valid || f.Type != "" && !slices.Contains(storage.EventTypes(), f.Type) {
		return errNoSuchPage
	}
	events, err := list(r.Context(), before, func(ctx context.Context, before string, limit int) ([]storage.Event, error) {
		events, err := s.Store.EventsBefore(ctx, f, before, limit)
		if err != nil {
			return nil, err
		}
		return events, s.Store.DescribeRefused(ctx, events)
	}, func(e storage.Event) string { return e.ID }, nil)
	if err != nil {
		return err
	}
	page := s.adminView(a, adminEventsPath, "Events")
	page.Search = eventSearch(f)
	section := pages.Section{Empty: "There is no such event."}
	names := map[string]string{}
	for _, e := range events.rows {
		section.Rows = append(section.Rows, s.eventRow(r.Context(), e, names))
	}
	page.Sections = []pages.Section{section}
	if f != (storage.EventFilter{}) {
		page.Actions = []pages.Link{{Text: "Show all events", Href: adminEventsPath}}
	}
	showMore(&page, adminEventsPath, values, "before", events.next)
	return page.Write(w)
}

// eventSearch is the filter of a list of events.
func eventSearch(f storage.EventFilter) *pages.Search {
	search := &pages.Search{
		Action: adminEventsPath, Choice: &pages.Choice{Label: "What happened", Name: "type", Value: string(f.Type), Options: []pages.Option{{Text: "Anything"}}},
	}
	for _, t := range storage.EventTypes() {
		search.Choice.Options = append(search.Choice.Options, pages.Option{Value: string(t), Text: inWords(t)})
	}
	for _, kept := range []pages.Field{{Name: "user", Value: f.UserID}, {Name: "client", Value: f.ClientID}, {Name: "grant", Value: f.GrantID}} {
		if kept.Value != "" {
			search.Kept = append(search.Kept, kept)
		}
	}
	return search
}

// inWords is a type of events for people.
func inWords(t storage.EventType) string {
	text := strings.ReplaceAll(string(t), "_", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// eventRow is an event, with the names of people from names, or else from the store.
func (s *Server) eventRow(ctx context.Context, e storage.Event, names map[string]string) pages.Row {
	name := func(id string) string {
		if names[id] == "" {
			names[id] = s.nameOfPerson(ctx, id)
		}
		return names[id]
	}
	row := pages.Row{Name: inWords(e.Type), Facts: []pages.Fact{{Name: "When", At: e.At}, {Name: "By", Text: byWhom(e.Actor)}}}
	if strings.HasPrefix(e.Actor, storage.UserIDPrefix) {
		row.Facts[1].Text = name(e.Actor)
	}
	if e.UserID != "" {
		link := linkTo(name(e.UserID), adminPeoplePath, "q", e.UserID)
		row.Facts = append(row.Facts, pages.Fact{Name: "Person", Link: &link})
	}
	row.Facts = append(row.Facts, accountFacts(e.Account)...)
	if e.ClientID != "" {
		link := linkTo(e.ClientID, adminEventsPath, "client", e.ClientID)
		row.Facts = append(row.Facts, pages.Fact{Name: "App", Link: &link})
	}
	if e.GrantID != "" {
		link := linkTo(e.GrantID, adminEventsPath, "grant", e.GrantID)
		row.Facts = append(row.Facts, pages.Fact{Name: "Connection", Link: &link})
	}
	row.Facts = append(row.Facts, pages.Fact{Name: "Detail", Text: e.Detail}, pages.Fact{Name: "Reference", Code: []string{e.Reference}}, pages.Fact{Name: "ID", Code: []string{e.ID}})
	return row
}

// accountFacts say who was refused, as the provider described them.
func accountFacts(a *storage.RefusedAccount) []pages.Fact {
	if a == nil {
		return nil
	}
	if a.Broken != nil {
		return []pages.Fact{{Name: "Refused", Text: "The account cannot be decrypted with the keys of this server"}}
	}
	return []pages.Fact{
		{Name: "Refused", Text: a.Login}, {Name: "Name", Text: a.Name}, {Name: "Email address", Text: a.Email}, {Name: "Domain", Text: a.Domain},
		{Name: "Groups", Text: strings.Join(a.Groups, ", ")}, {Name: "Account", Text: a.Issuer, Code: []string{a.Subject}},
	}
}

// byWhom is an actor in words.
func byWhom(actor string) string {
	words := map[string]string{
		storage.ActorClient: "An app", storage.ActorPerson: "Someone at a page", storage.ActorOperator: "Someone at the command line", storage.ActorServer: "This server",
	}
	if text := words[actor]; text != "" {
		return text
	}
	return actor
}
