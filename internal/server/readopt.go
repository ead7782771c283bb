package server

import (
	"errors"
	"slices"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// readopted is the client that an unknown id stands for, to be registered anew when
// the person approves: nothing is stored before. A client that could not register
// today is not, and neither is one that is there and whose row does not open. The
// error is the page of an unknown client.
func (s *Server) readopted(id, redirectURI string, unknown error) (storage.Client, error) {
	reg, ok := s.Readopt.Readopt(id, redirectURI)
	if !ok || errors.Is(unknown, storage.ErrUnreadable) || s.Registration.Check([]string{redirectURI}) != nil {
		return storage.Client{}, errUnknownClient
	}
	reg.RedirectURIs = slices.DeleteFunc(reg.RedirectURIs, func(uri string) bool {
		return s.Registration.Check([]string{uri}) != nil
	})
	return newClient(reg, oauth.Issued{ClientID: id, At: s.Now().Truncate(time.Second)}), nil
}
