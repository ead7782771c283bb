package console

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mcpkeep/mcpkeep/internal/storage"
)

// accountJSON is a refused account in JSON, as the provider described it.
type accountJSON struct {
	Issuer     string   `json:"issuer"`
	Subject    string   `json:"subject"`
	Login      string   `json:"login"`
	Name       string   `json:"name"`
	Email      string   `json:"email"`
	Domain     string   `json:"domain"`
	Groups     []string `json:"groups"`
	Unreadable bool     `json:"unreadable"`
}

func accountObject(a *storage.RefusedAccount) *accountJSON {
	if a == nil {
		return nil
	}
	return &accountJSON{
		Issuer: a.Issuer, Subject: a.Subject, Login: a.Login, Name: a.Name, Email: a.Email, Domain: a.Domain,
		Groups: append([]string{}, a.Groups...), Unreadable: a.Broken != nil,
	}
}

// accountText is a refused account in a line, "" for none.
func accountText(a *storage.RefusedAccount) string {
	switch {
	case a == nil:
		return ""
	case errors.Is(a.Broken, storage.ErrUnavailable):
		return "(encrypted)"
	case a.Broken != nil:
		return "(cannot be decrypted)"
	}
	var names []string
	for _, name := range []string{a.Login, a.Name, a.Email} {
		if name = shown(name); name != "" {
			names = append(names, name)
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s (%s at %s)", strings.Join(names, ", "), shown(a.Subject), shown(a.Issuer)))
}

// described adds the refused accounts to a list of entries.
func (c *Console) described(ctx context.Context) func([]storage.Event, error) ([]storage.Event, error) {
	return func(events []storage.Event, err error) ([]storage.Event, error) {
		if err != nil {
			return nil, err
		}
		return events, c.Store.DescribeRefused(ctx, events)
	}
}
