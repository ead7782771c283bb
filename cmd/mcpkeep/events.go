package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mcpkeep/mcpkeep/internal/operator"
	"github.com/mcpkeep/mcpkeep/internal/storage"
)

type eventsCmd struct {
	keyFlags
	jsonFlag
	whoFlags
	Type   string        `name:"type" placeholder:"TYPE" help:"Of this type, such as grant_revoked."`
	Grant  string        `name:"grant" placeholder:"ID" help:"Of this grant."`
	Since  time.Duration `name:"since" placeholder:"DURATION" help:"How far back, such as 24h. Default everything."`
	Limit  int           `name:"limit" default:"100" placeholder:"N" help:"The newest N; 0 for all."`
	Follow bool          `name:"follow" short:"f" help:"Go on with what happens from now on. With --json, an object a line."`
}

// Help lists the types.
func (*eventsCmd) Help() string {
	return "Keys are needed to find a person by name only. Types: " + strings.Join(eventTypes(), ", ") + "."
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
		return usagef("--type: %q is not known; want one of %s", c.Type, strings.Join(eventTypes(), ", "))
	case c.Limit < 0:
		return usagef("--limit: %d is out of range; want 0 (all) or more", c.Limit)
	case c.Since < 0:
		return usagef("--since: %v is out of range; want a duration such as 24h", c.Since)
	}
	byName := c.User != "" && !operator.IsUserID(c.User)
	return c.openDesk(ctx, std, c.JSON, yesFlag{}, byName, func(ctx context.Context, d desk) error {
		return d.Events(ctx, operator.Watch{
			Type: storage.EventType(c.Type), User: c.User, Client: c.Client, Grant: c.Grant,
			Since: c.Since, Limit: c.Limit, Follow: c.Follow,
		})
	})
}
