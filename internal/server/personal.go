package server

import (
	"context"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/logging"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// PersonalTokens says who may make and use personal tokens.
type PersonalTokens string

// The choices.
const (
	PersonalOff    PersonalTokens = "off" // as ""
	PersonalOn     PersonalTokens = "on"
	PersonalAdmins PersonalTokens = "admins"
)

// mayHavePersonal reports whether a user may make personal tokens, and theirs count.
func (s *Server) mayHavePersonal(user storage.User) bool {
	return s.PersonalTokens == PersonalOn || s.PersonalTokens == PersonalAdmins && s.isAdmin(user)
}

// admitPersonal refuses a personal token that the setting does not let in.
func (s *Server) admitPersonal(ctx context.Context, a storage.Access) error {
	if s.mayHavePersonal(a.User) {
		return nil
	}
	reason := "personal tokens are off"
	if s.PersonalTokens == PersonalAdmins {
		reason = "its user is no administrator"
	}
	s.notePersonal(ctx, a, reason)
	return storage.ErrNotFound
}

// at is what an access token is worth at the resource with this URI, of which a personal token
// may name several.
func (s *Server) at(a storage.Access, uri string) storage.Access {
	if a.IsPersonal() {
		for named := range strings.FieldsSeq(a.Resource) {
			if named == uri || s.canonical(named) == uri {
				a.Resource = named
				break
			}
		}
	}
	return a
}

// notePersonal records that a personal token was refused, if it is one. The response does not
// depend on the audit trail.
func (s *Server) notePersonal(ctx context.Context, a storage.Access, reason string) {
	if !a.IsPersonal() || a.Outage != nil {
		return
	}
	s.Logger.WarnContext(ctx, "personal token refused", logging.Event, string(storage.EventPersonalTokenRefused),
		logging.GrantID, a.GrantID, logging.UserID, a.User.ID, logging.Reason, reason)
	err := s.Store.RecordEvent(ctx, storage.Event{
		Type: storage.EventPersonalTokenRefused, UserID: a.User.ID, ClientID: a.ClientID, GrantID: a.GrantID, Detail: reason,
	}, s.Now())
	if err != nil {
		s.Logger.WarnContext(ctx, "event not recorded", logging.Event, string(storage.EventPersonalTokenRefused), logging.Error, err)
	}
}

// unknownPersonal is a personal token that has ended, or never was one.
func unknownPersonal() storage.Access { return storage.Access{ClientID: storage.PersonalClientID} }
