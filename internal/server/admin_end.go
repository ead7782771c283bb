package server

import (
	"context"
	"fmt"

	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const adminEndPath = adminConnectionsPath + "/end"

const (
	// endedAtATime is how many connections end in one step, and mostSteps how often a form
	// takes one; what is left after that needs the form again.
	endedAtATime = 500
	mostSteps    = 20
)

// grantsToEnd says which connections an action is about: one, or those of a user, of an app,
// or of a user with an app.
func grantsToEnd(a admin) (storage.GrantFilter, error) {
	f := storage.GrantFilter{ID: a.values.Get("grant"), UserID: a.values.Get("user"), ClientID: a.values.Get("client")}
	if f == (storage.GrantFilter{}) || f.ID != "" && (f.UserID != "" || f.ClientID != "") {
		return f, errNoSuchPage
	}
	return f, nil
}

func (s *Server) askToEndGrants(ctx context.Context, a admin) (q pages.Question, err error) {
	f, err := grantsToEnd(a)
	if err != nil {
		return q, err
	}
	found, err := s.Store.FindGrants(ctx, f, "", adminRead+1, s.Now())
	if err != nil {
		return q, err
	}
	if len(found) == 0 {
		return q, gone(storage.ErrNotFound, adminConnectionsPath)
	}
	number := connectionsOf(int64(len(found)))
	if len(found) > adminRead {
		number = fmt.Sprintf("more than %d connections", adminRead)
	}
	q = pages.Question{
		Title: "End connections?", Button: "End access", Texts: []string{"This ends " + number + " immediately. To use the app again, connect and approve it again."},
		Form: pages.Form{Hidden: hidden(a.values, "grant", "user", "client")}, Back: &pages.Link{Text: "Keep access", Href: adminConnectionsPath},
	}
	row := s.grantRow(found[0])
	if f.ID != "" {
		q.Title, q.Facts = "End this connection?", append([]pages.Fact{{Name: "App", Text: row.Name}}, row.Facts...)
		return q, nil
	}
	if f.ClientID != "" {
		q.Facts = append(q.Facts, pages.Fact{Name: "App", Text: row.Name, Code: []string{f.ClientID}})
	}
	if f.UserID != "" {
		q.Facts = append(q.Facts, pages.Fact{Name: "Person", Text: nameOfUser(found[0].User), Code: []string{f.UserID}})
	}
	return q, nil
}

func (s *Server) endGrants(ctx context.Context, a admin) (string, error) {
	f, err := grantsToEnd(a)
	if err != nil {
		return "", err
	}
	next := withQuery(adminConnectionsPath, only(a.values, "user", "client"))
	if f.ID != "" {
		return next, gone(s.Store.RevokeGrant(ctx, f.ID, s.Now()), adminConnectionsPath)
	}
	var ended int64
	for range mostSteps {
		n, err := s.Store.RevokeGrants(ctx, f, endedAtATime, s.Now())
		if ended += n; err != nil {
			return "", err
		}
		if n < endedAtATime {
			break
		}
	}
	if ended == 0 {
		return "", gone(storage.ErrNotFound, adminConnectionsPath)
	}
	return next, nil
}
