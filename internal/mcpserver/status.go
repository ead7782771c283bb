package mcpserver

import (
	"context"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/mcpkeep/mcpkeep/internal/oauth"
	"github.com/mcpkeep/mcpkeep/internal/principal"
)

type serverStatus struct {
	Version       string `json:"version" jsonschema:"Version of mcpkeep."`
	Server        string `json:"server,omitempty" jsonschema:"Public address of this server."`
	Ready         bool   `json:"ready" jsonschema:"Whether the database responds, its schema is recent enough and all keys are configured."`
	Problem       string `json:"problem,omitempty" jsonschema:"Why it is not ready."`
	Database      string `json:"database,omitempty" jsonschema:"Database engine."`
	SchemaVersion int64  `json:"schema_version,omitempty" jsonschema:"Version of the database schema."`
	Clients       int64  `json:"clients" jsonschema:"Number of registered apps."`
	Users         int64  `json:"users" jsonschema:"Number of users who have ever signed in."`
	Connections   int64  `json:"connections" jsonschema:"Number of active connections."`
	StartedAt     string `json:"started_at,omitempty" jsonschema:"When this replica started (RFC 3339, UTC)."`
	UptimeSeconds int64  `json:"uptime_seconds,omitempty" jsonschema:"How long this replica has been running."`
}

func (s *service) serverStatus() tool {
	return tool{
		Tool: define[serverStatus]("server_status", "Show the server's status", reads,
			"For administrators: shows the version and health of this server, its database and schema, the number of apps, users and "+
				"connections, and how long the responding replica has been running."),
		adminOnly: true, scope: oauth.ScopeAdmin,
		run: func(ctx context.Context, _ principal.Principal, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			status, err := s.status(ctx)
			if err != nil {
				return nil, err
			}
			return mcp.NewToolResultStructured(status, status.text()), nil
		},
	}
}

func (s *service) status(ctx context.Context) (serverStatus, error) {
	now := s.Now()
	stats, err := s.Store.Stats(ctx, now)
	if err != nil {
		return serverStatus{}, err
	}
	process := s.Status(ctx)
	status := serverStatus{
		Version: s.Version, Server: s.BaseURL, Ready: true,
		Database: process.Database, SchemaVersion: process.SchemaVersion,
		Clients: stats.Clients, Users: stats.Users, Connections: stats.LiveGrants,
		StartedAt: stamp(process.StartedAt),
	}
	if err := s.Store.Ready(ctx); err != nil {
		status.Ready, status.Problem = false, clean(err.Error(), maxErrorText)
	}
	if !process.StartedAt.IsZero() {
		status.UptimeSeconds = int64(now.Sub(process.StartedAt) / time.Second)
	}
	return status, nil
}

func (st serverStatus) text() string {
	var l lines
	l.add("mcpkeep %s at %s", st.Version, or(st.Server, "an unknown address"))
	if st.Ready {
		l.add("Ready.")
	} else {
		l.add("NOT ready: %s", st.Problem)
	}
	if st.Database != "" {
		l.add("Database: %s, schema %d", st.Database, st.SchemaVersion)
	}
	l.add("Registered apps: %d; users: %d; connections: %d", st.Clients, st.Users, st.Connections)
	if st.StartedAt != "" {
		l.add("This replica started at %s and has been running for %s.", st.StartedAt, time.Duration(st.UptimeSeconds)*time.Second)
	}
	return l.String()
}
