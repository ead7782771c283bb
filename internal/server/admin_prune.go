package server

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

const adminPrunePath = adminAppsPath + "/prune"

const (
	day = 24 * time.Hour
	// youngestPruned: an app that has just registered may be about to sign its user in.
	youngestPruned = time.Hour
	defaultPruned  = "30"
	shownPruned    = 20
)

// askToPrune shows which apps would be deleted that were never used since a time. The form has
// that time, so that exactly those are meant.
func (s *Server) askToPrune(ctx context.Context, a admin) (q pages.Question, err error) {
	days := a.values.Get("days")
	if days == "" {
		days = defaultPruned
	}
	n, err := strconv.Atoi(days)
	if err != nil || n < 1 || n > 3650 {
		return q, errNoSuchPage
	}
	before := s.Now().Add(-time.Duration(n) * day).Truncate(time.Second)
	q = pages.Question{Title: "Delete unused apps?", Back: &pages.Link{Text: "Keep", Href: adminAppsPath}, Search: &pages.Search{
		Action: adminPrunePath, Choice: &pages.Choice{Label: "Registered", Name: "days", Value: days, Options: []pages.Option{
			{Value: "1", Text: "more than a day ago"}, {Value: "7", Text: "more than 7 days ago"}, {Value: "30", Text: "more than 30 days ago"},
			{Value: "90", Text: "more than 90 days ago"}, {Value: "365", Text: "more than a year ago"},
		}},
	}}
	going, kept, more, err := s.unusedApps(ctx, before)
	if err != nil {
		return q, err
	}
	number := fmt.Sprint(len(going))
	if more {
		number = fmt.Sprintf("More than %d", len(going))
	}
	for i, c := range going {
		if i == shownPruned {
			break
		}
		q.Facts = append(q.Facts, pages.Fact{Name: appName(c.Client), Code: []string{c.Client.ID}, At: c.Client.CreatedAt})
	}
	if q.Texts = []string{"No app that old was never used."}; len(going) > 0 {
		q.Texts = []string{number + " of the apps that registered in that time were never used. They have to register again to be used; no connection ends. The first ones are:"}
		q.Button, q.Form.Hidden = "Delete", []pages.Field{
			{Name: "days", Value: days}, {Name: "before", Value: strconv.FormatInt(before.Unix(), 10)},
		}
	}
	if kept > 0 {
		q.Texts = append(q.Texts, fmt.Sprintf("%d that an administrator or another program registered are kept.", kept))
	}
	return q, nil
}

// unusedApps returns the apps that registered themselves before a time and were never used,
// how many of other kinds there are, and whether there are more than it read.
func (s *Server) unusedApps(ctx context.Context, before time.Time) (going []storage.ClientSummary, kept int, more bool, err error) {
	found, err := s.Store.ListUnusedClients(ctx, before, "", adminRead+1, s.Now())
	for _, c := range found[:min(len(found), adminRead)] {
		if c.Reclaimable {
			going = append(going, c)
		} else {
			kept++
		}
	}
	return going, kept, len(found) > adminRead, err
}

// pruneApps deletes them. One that is used in the meantime stays.
func (s *Server) pruneApps(ctx context.Context, a admin) (string, error) {
	unix, err := strconv.ParseInt(a.values.Get("before"), 10, 64)
	before := time.Unix(unix, 0)
	if err != nil || before.After(s.Now().Add(-youngestPruned)) {
		return "", errNoSuchPage
	}
	after := ""
	for range mostSteps {
		found, err := s.Store.ListUnusedClients(ctx, before, after, endedAtATime, s.Now())
		if err != nil {
			return "", err
		}
		var ids []string
		for _, c := range found {
			if after = c.Client.ID; c.Reclaimable {
				ids = append(ids, c.Client.ID)
			}
		}
		if len(ids) > 0 {
			if _, err := s.Store.DeleteUnusedClients(ctx, ids, before, s.Now()); err != nil {
				return "", err
			}
		}
		if len(found) < endedAtATime {
			break
		}
	}
	return adminAppsPath + "?show=" + showUnused, nil
}
