package server

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/pages"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// sentences say what happened; APP stands for the app.
var sentences = map[storage.EventType]string{
	storage.EventGrantCreated:        "You approved APP.",
	storage.EventGrantAdopted:        "APP was taken over from the earlier server.",
	storage.EventAdoptionRefused:     "APP could not be taken over from the earlier server.",
	storage.EventGrantRevoked:        "The access of APP ended.",
	storage.EventTokensIssued:        "APP got access.",
	storage.EventTokensRefreshed:     "APP renewed its access.",
	storage.EventRefreshRepeated:     "APP renewed its access again, because it had missed the response.",
	storage.EventTokenRevoked:        "APP gave up its access.",
	storage.EventCodeReuse:           "A sign-in code of APP was used twice. Its access ended.",
	storage.EventRefreshReuse:        "A spent token of APP was used again. Its access ended.",
	storage.EventAuthorizationDenied: "You denied APP.",
	storage.EventClientReadopted:     "You let APP register again.",
	storage.EventSignInRefused:       "A sign-in was refused.",
	storage.EventSignInThrottled:     "There were too many attempts at your password.",
	storage.EventUserDisabled:        "Your account was disabled.",
	storage.EventUserEnabled:         "Your account was enabled.",
	storage.EventPasswordSet:         "Your password was set.",
	storage.EventSessionOpened:       "You signed in to this page.",
	storage.EventSessionClosed:       "You signed out of this page.",
	storage.EventToolCalled:          "APP called a tool.",

	storage.EventPersonalTokenMade:    "A token for a script was made.",
	storage.EventPersonalTokenRefused: "A token for a script was refused.",
}

// happenings are a user's newest events in words, the newest first.
func (s *Server) happenings(ctx context.Context, userID string) ([]pages.Happening, error) {
	events, err := s.Store.NewestEvents(ctx, storage.EventFilter{UserID: userID}, maxHappenings)
	if err != nil {
		return nil, err
	}
	slices.Reverse(events)
	names := map[string]string{"": "an app", storage.PersonalClientID: "a token for a script"}
	var list []pages.Happening
	for _, e := range events {
		if _, known := names[e.ClientID]; !known {
			if names[e.ClientID], err = s.nameOfApp(ctx, e.ClientID); err != nil {
				return nil, err
			}
		}
		list = append(list, pages.Happening{At: e.At, Text: sentence(e, names[e.ClientID])})
	}
	return list, nil
}

// nameOfApp is what an app is called in a sentence: its name in quotation marks.
func (s *Server) nameOfApp(ctx context.Context, id string) (string, error) {
	client, err := s.Store.Client(ctx, id)
	if errors.Is(err, storage.ErrUnavailable) {
		return "", err
	}
	for _, name := range []string{client.Name, client.ClaimedName} {
		if err == nil && name != "" {
			return "“" + pages.Quotable(name) + "”", nil
		}
	}
	return "an app", nil
}

// sentence is an event in words; one of a type that is new has its name.
func sentence(e storage.Event, app string) string {
	text, known := sentences[e.Type]
	if !known {
		text = strings.ReplaceAll(string(e.Type), "_", " ") + "."
	}
	if strings.HasPrefix(text, "APP") && strings.HasPrefix(app, "a") { // no name in quotes
		app = "A" + app[1:]
	}
	return strings.ReplaceAll(text, "APP", app)
}
