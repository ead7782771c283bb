package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/console"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type eventsCmd struct {
	keyFlags
	jsonFlag
	whoFlags
	Type   string        `name:"type" placeholder:"TYPE" help:"Only events of this type, such as grant_revoked."`
	Grant  string        `name:"grant" placeholder:"ID" help:"Only events of this grant."`
	Since  time.Duration `name:"since" placeholder:"DURATION" help:"Only events of this period, such as 24h. Default: all."`
	Limit  int           `name:"limit" default:"100" placeholder:"N" help:"Only the newest N; 0 prints all."`
	Follow bool          `name:"follow" short:"f" help:"Keep printing new events. With --json, one object per line."`
}

// Help lists the types.
func (*eventsCmd) Help() string {
	return "Encryption keys are only needed to find a user by name, and to say which account a sign_in_refused event is about. Types: " + strings.Join(eventTypes(), ", ") + "."
}

func eventTypes() []string {
	var names []string
	for _, t := range storage.EventTypes() {
		names = append(names, string(t))
	}
	return names
}

// Run shows the audit trail.
func (c *eventsCmd) Run(ctx context.Context, std streams) error {
	switch {
	case c.Type != "" && !slices.Contains(eventTypes(), c.Type):
		return badFlag("--type", "one of "+strings.Join(eventTypes(), ", "), "%q is not known", c.Type)
	case c.Limit < 0:
		return badFlag("--limit", "0 (all) or more", "%d is out of range", c.Limit)
	case c.Since < 0:
		return badFlag("--since", "a duration such as 24h", "%v is out of range", c.Since)
	}
	byName := c.User != "" && !console.IsUserID(c.User)
	return c.openConsole(ctx, std, c.JSON, yesFlag{}, byName, func(ctx context.Context, admin adminConsole) error {
		return admin.Events(ctx, console.Watch{
			Type: storage.EventType(c.Type), User: c.User, Client: c.Client, Grant: c.Grant,
			Since: c.Since, Limit: c.Limit, Follow: c.Follow,
		})
	})
}
