package server

import (
	"context"
	"fmt"

	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const adminDeletePath = adminAppsPath + "/delete"

func (s *Server) askToDelete(ctx context.Context, a admin) (q pages.Question, err error) {
	id := a.values.Get("client")
	if id == "" {
		return q, errNoSuchPage
	}
	c, err := s.Store.ClientSummary(ctx, id, s.Now())
	if err != nil {
		return q, gone(err, adminAppsPath)
	}
	after := "The app has to register again, and its users have to reconnect it."
	if c.Client.Origin == storage.OriginDocument {
		after = "Its users have to reconnect it. It can still ask them to: MCPKEEP_CIMD_HOSTS restricts which apps may."
	}
	return pages.Question{
		Title: "Delete this app?", Facts: append([]pages.Fact{{Name: "App", Text: appName(c.Client)}}, appRow(c).Facts...), Button: "Delete",
		Texts: []string{"It is deleted, and " + connectionsOf(c.Grants) + " will end immediately.", after},
		Form:  pages.Form{Hidden: hidden(a.values, "client")}, Back: &pages.Link{Text: "Keep", Href: adminAppsPath},
	}, nil
}

func (s *Server) deleteApp(ctx context.Context, a admin) (string, error) {
	return adminAppsPath, gone(s.Store.DeleteClient(ctx, a.values.Get("client"), s.Now()), adminAppsPath)
}

// connectionsOf is a number of connections in words.
func connectionsOf(n int64) string {
	switch n {
	case 0:
		return "no connections"
	case 1:
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}
