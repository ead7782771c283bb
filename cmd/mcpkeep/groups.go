package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// groups are the headings under which help and `mcpkeep settings` list settings, with
// the beginnings of their names. The longest beginning counts.
var groups = []struct {
	title string
	names []string
}{
	{"Address and pages", []string{
		"base-url", "name", "logo", "accent", "support", "terms-url", "privacy-url", "listen", "port", "tls", "allowed-origins", "allow-http", "openai-apps-challenge", "trusted-proxies", "hosts", "drain",
	}},
	{"MCP server to protect", []string{"upstream", "config"}},
	{"Database", []string{"database-", "migrate-database-url", "allow-ephemeral", "auto-migrate", "max-instances"}},
	{"Encryption keys", []string{"encryption-keys"}},
	{"Sign-in provider", []string{"provider", "github-", "google-", "oidc-", "local-password", "callback-path"}},
	{"Who may sign in", []string{"allowed-", "allow-anyone", "admin", "personal-tokens"}},
	{"Clients", []string{"registration", "readopt", "max-clients", "client-unused-ttl", "cimd"}},
	{"Takeover from FastMCP", []string{"fastmcp", "jwt-signing-key", "issuer-slash"}},
	{"Lifetimes", []string{"access-token-ttl", "refresh-", "provider-grace", "recheck"}},
	{"Logs, metrics and audit trail", []string{"log-", "metrics-", "events-ttl", "call-events-ttl", "events-log"}},
}

// groupOf returns the heading of a setting, "" if it has none.
func groupOf(name string) string {
	title, longest := "", 0
	for _, g := range groups {
		for _, beginning := range g.names {
			if strings.HasPrefix(name, beginning) && len(beginning) > longest {
				title, longest = g.title, len(beginning)
			}
		}
	}
	return title
}

// arrange puts settings under their headings and gives each command its example.
func arrange(model *kong.Application) {
	_ = kong.Visit(model, func(node kong.Visitable, next kong.Next) error {
		switch n := node.(type) {
		case *kong.Flag:
			if title := groupOf(n.Name); len(n.Envs) > 0 && title != "" {
				n.Group = &kong.Group{Key: title, Title: title + ":"}
			}
		case *kong.Node:
			if example := examples[commandName(n)]; example != "" {
				n.Detail = strings.TrimSpace(n.Detail + "\n\nExample:\n\n    " + example)
			}
		}
		return next(nil)
	})
}

// commandName returns the words that name a command, such as "keys list".
func commandName(n *kong.Node) string {
	if n.Parent == nil {
		return ""
	}
	return strings.TrimSpace(commandName(n.Parent) + " " + n.Name)
}

// examples are one per command.
var examples = map[string]string{ //nolint:gosec // G101: paths and key names, no secrets
	"serve":          "MCPKEEP_BASE_URL=https://mcp.example.com DATABASE_URL=file:/run/secrets/database-url mcpkeep serve",
	"config check":   "mcpkeep config check mcpkeep.yaml",
	"settings":       "mcpkeep settings --env > mcpkeep.env",
	"help":           "mcpkeep help clients create",
	"migrate up":     "mcpkeep migrate up --database-url postgres://owner@db.example.com/mcpkeep",
	"migrate status": "mcpkeep migrate status --check || mcpkeep migrate up",
	"migrate grants": "mcpkeep migrate grants mcpkeep_serve | psql \"$OWNER_URL\"",
	"migrate down":   "mcpkeep migrate down",
	"keys generate":  "mcpkeep keys generate > new.key",
	"keys list":      "mcpkeep keys list --verify",
	"keys rotate":    "MCPKEEP_ENCRYPTION_KEYS=NEW,OLD mcpkeep keys rotate",
	"clients list":   "mcpkeep clients list --search claude --limit 20",
	"clients show":   "mcpkeep clients show https://claude.ai/oauth/client-metadata",
	"clients create": "mcpkeep clients create --name CI --redirect-uri http://127.0.0.1/callback",
	"clients delete": "mcpkeep clients delete 0b5c1d7e",
	"clients prune":  "mcpkeep clients prune --unused-for 720h --dry-run",
	"grants list":    "mcpkeep grants list --user alice@example.com",
	"grants revoke":  "mcpkeep grants revoke --user alice@example.com",
	"tokens create":  "mcpkeep tokens create --user alice@example.com --name nightly --resource https://mcp.example.com/mcp",
	"tokens list":    "mcpkeep tokens list --user alice@example.com",
	"tokens revoke":  "mcpkeep tokens revoke gr_019a",
	"users list":     "mcpkeep users list --json",
	"users disable":  "mcpkeep users disable alice@example.com",
	"users enable":   "mcpkeep users enable alice@example.com",
	"users password": "mcpkeep users password",
	"events":         "mcpkeep events --type grant_revoked --since 24h",
	"clean":          "mcpkeep clean --json",
	"adopt":          "mcpkeep adopt --check",
	"doctor":         "mcpkeep doctor --json",
	"version":        "mcpkeep version",
	"completion":     "mcpkeep completion bash",
}

// describe is the help of a flag with its default and its variables.
func describe(v *kong.Value) string {
	described := *v
	if text := defaultText(v); text != "" && !strings.Contains(v.Help, "Default") && !strings.Contains(v.Help, "required") && !v.Required {
		described.Help = strings.TrimSuffix(v.Help, ".") + ". Default " + text + "."
	}
	return kong.DefaultHelpValueFormatter(&described)
}

// defaultText returns the default of a setting as words. For a flag that is no setting it
// is "" without a default.
func defaultText(v *kong.Value) string {
	if v.Flag == nil || len(v.Flag.Envs) == 0 {
		return v.Default
	}
	if _, said, found := strings.Cut(v.Help, "Default "); found {
		return strings.TrimSuffix(strings.TrimSuffix(said, "."), ". ")
	}
	switch {
	case v.HasDefault && v.Default != "":
		return v.Default
	case v.IsBool():
		return "false"
	case v.IsSlice() || v.Target.CanInt():
		return fmt.Sprint(map[bool]string{true: "none", false: "0"}[v.IsSlice()])
	}
	return "none"
}
